"""The control process: operators' port, the watch over files, the snapshots that workers act on. Workers go on without it."""
