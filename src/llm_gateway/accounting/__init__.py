"""The usage ledger's front half: what each request used and cost, and a write-ahead log of it on local disk."""
