"""Starts control and the workers, keeps them running, hands them their sockets, passes signals on. It serves nothing itself."""
