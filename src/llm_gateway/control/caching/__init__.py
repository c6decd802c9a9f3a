"""The answers that workers keep, for operators: how many there are, of whom, and that they go."""
