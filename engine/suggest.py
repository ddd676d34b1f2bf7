"""What an author probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """`Did you mean 'x'?` for the candidate most like `word`; '' if none is near."""
    # Imported when something is already wrong: it costs as much as loading a small project.
    from rapidfuzz import fuzz, process, utils

    best = process.extractOne(
        word,
        sorted(set(candidates)),
        scorer=fuzz.ratio,
        processor=utils.default_process,
        score_cutoff=60,
    )
    return f"Did you mean '{best[0]}'?" if best else ""
