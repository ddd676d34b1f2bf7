"""What a customer takes is counted, and less of it once what nobody needs is forgotten."""

from __future__ import annotations

from pathlib import Path

from benchmarks.sizing import sizes


def test_of_what_five_answers_take_less_is_left_a_hundred_days_later(tmp_path: Path) -> None:
    grown, kept = sizes(f"sqlite:///{tmp_path / 'size.db'}", people=40)
    assert 1_000 < kept < grown < 50_000
