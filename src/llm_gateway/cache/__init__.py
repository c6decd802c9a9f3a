"""Answers that were given before, and are given again to whoever asks the same (docs/CACHING.md)."""
