"""The shell around the engine: what writes, sends, waits and keeps time."""
