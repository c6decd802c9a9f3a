"""The ledger's back half: workers' write-ahead logs become rows in the store, and everything that is folded from them."""
