"""Programs that measure Rapport beside its peers, and say which bounds hold.

`python -m benchmarks.NAME --json` runs one; `python -m benchmarks` runs all and writes
`benchmarks/latest.json`.
"""
