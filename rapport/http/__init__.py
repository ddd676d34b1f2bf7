"""The web side of a process: whether it lives and works, and its metrics."""
