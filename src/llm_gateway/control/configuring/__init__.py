"""Configuration through the API: providers, models, rules and limits that the store has beside the file.

A document is written as in the file, read by the same Binder, and checked together with everything else (`overlay` of
config/load.py): what does not compile is never stored. What holds is told to the workers as one numbered snapshot; those that
held before are kept in the store (history.py), can be compared, and gone back to.
"""
