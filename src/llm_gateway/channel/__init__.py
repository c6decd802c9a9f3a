"""How the processes of one gateway talk: framed msgpack over Unix sockets, bounded in bytes, in number and in time.

The supervisor holds one end of a socket pair to each of its children (the leash: when it closes, the other side is gone), control
listens in the state directory and every worker connects to it (link.py, hub.py). Both speak the same (peer.py).
"""
