"""What an author probably meant."""

from __future__ import annotations

from collections.abc import Iterable

LEAVE_OUT = "Leave it out until it is."
"""The cure of what is not available yet."""

PATTERN_CURE = "Write it in RE2's syntax, which has no look-ahead and no reference to a group."

_LISTED = 20
"""Names that a cure lists; of more it tells those nearest to the beginning of the alphabet."""


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


def meant(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """`Did you mean 'x'?`; `otherwise` where nothing is near, or what there is."""
    names = sorted(set(known))
    near = did_you_mean(word, names) or otherwise
    if near or not names:
        return near or "There is none yet."
    more = ", ..." if len(names) > _LISTED else ""
    return f"There is {', '.join(names[:_LISTED])}{more}."
