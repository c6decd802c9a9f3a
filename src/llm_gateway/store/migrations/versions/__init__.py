"""The revisions, oldest first. A file that was released never changes: what is wrong in it is put right by another one."""
