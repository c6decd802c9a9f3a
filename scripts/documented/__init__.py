"""What scripts/docs.py writes, by subject."""
