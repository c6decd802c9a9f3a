"""Recorded provider exchanges through the whole gateway, without sockets; scripts/corpus.py is the command."""
