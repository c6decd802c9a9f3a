"""What scripts/stack.py starts, and how."""
