"""Transcript tests: conversations written down, held on the real engine under a virtual clock."""
