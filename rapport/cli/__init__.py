"""The commands. Each module is imported at start, so what is heavy is imported inside commands."""
