"""Conditions on a request, as routing rules write them: in one line of text or as YAML, both to the same tree.

    fields.py       what can be asked about, and of which kind it is
    tree.py         the tree, and how it is written out
    expressions.py  one line of text to a tree
    structured.py   YAML to a tree
    values.py       a written value to the value of a test, for both
    patterns.py     globs and regular expressions that run in linear time
    spans.py        what single tests amount to: spans of numbers, minutes, networks, texts
    overlap.py      which conditions can never hold, and which hold whenever another does
    when.py         the value of the configuration key `when`

They live here and not in routing/ because a configuration is checked before anything is built from it.
"""
