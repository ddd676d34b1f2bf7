"""What the log says of a turn: whom it was about, as ids. Written after the commit."""

from __future__ import annotations

from typing import Any

from rapport.logs import Words
from rapport.runtime.cases import Case, Mail
from rapport.runtime.casework import Casework


def turn_lines(work: Casework) -> list[dict[str, Any]]:
    """A line for each mail that was applied. run: the last one that moved, None where none did."""
    around = work.around
    ids = {
        "business": around.library.business.key,
        "turn": around.turn_id,
        "run": next(reversed(work.moved), None),
    }
    return [
        {**ids, **letter_ids(work.case, letter), "kind": letter.kind, **_text(letter)}
        for letter in work.case.mail
    ]


def letter_ids(case: Case, letter: Mail) -> dict[str, int]:
    """The ids that a line about a mail names."""
    return {
        "account": case.conversations[letter.conversation_id].account_id,
        "customer": case.customer_id,
        "conversation": letter.conversation_id,
        "mail": letter.id,
    }


def _text(letter: Mail) -> dict[str, Words]:
    text = letter.payload.get("text")
    return {"text": Words(text)} if text else {}
