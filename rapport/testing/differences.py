"""What a message of the bot is, against what a test expects of it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.bidi import unmarked
from engine.fields.patterns import compile_pattern
from engine.transcript import Bot
from rapport.testing.stage import Sent


@dataclass(frozen=True, slots=True)
class Difference:
    """`why` is a sentence; `expected` and `actual` are lines of a conversation, '' for none.

    besides: what the bot said after that, before anything else happened.
    """

    why: str
    expected: str = ""
    actual: str = ""
    besides: tuple[str, ...] = ()


def difference_of(sent: Sent | None, expected: Bot) -> Difference | None:
    """What about the bot's next message (None: it said nothing) is not as expected."""
    why = "the bot said nothing more" if sent is None else _why(sent, expected)
    if not why:
        return None
    return Difference(why, wanted(expected), "(nothing)" if sent is None else spoken(sent))


def difference_told(sent: Sent | None, expected: Bot) -> Difference | None:
    """As `difference_of`, of what the staff was told."""
    why = "the staff was told nothing more" if sent is None else _why(sent, expected)
    if not why:
        return None
    actual = "(nothing)" if sent is None else spoken(sent)
    return Difference(
        why.replace("the bot said", "the staff was told"), wanted(expected, "staff"), actual
    )


def spoken(sent: Sent) -> str:
    """A message as a line of a conversation."""
    parts = [] if sent.media is None else [f"({sent.media[0]} {sent.media[1]})"]
    parts += [one_line(sent.text)] if sent.text else []
    parts += [f"[{shown.text}]" for shown in sent.buttons]
    return f"{f'staff({sent.to})' if sent.to else 'bot'}: {' '.join(parts)}"


def wanted(expected: Bot, who: str = "bot") -> str:
    """What a test asks of a message of `who`, as a line of a conversation."""
    parts = [] if expected.text is None else [one_line(expected.text)]
    parts += [f"… {one_line(piece)} …" for piece in expected.contains]
    parts += [f"(without {one_line(piece)})" for piece in expected.not_contains]
    parts += [] if expected.matches is None else [f"/{expected.matches}/"]
    parts += [f"[{button}]" for button in expected.buttons or ()]
    if expected.buttons == ():
        parts.append("(no buttons)")
    parts += [] if expected.media is None else [f"({expected.media})"]
    return f"{who}: {' '.join(parts)}"


def _why(sent: Sent, expected: Bot) -> str:
    if expected.text is not None and sent.text != unmarked(expected.text):
        return "the bot said something else"
    for piece in expected.contains:
        if piece not in sent.text:
            return f"the message does not contain '{one_line(piece)}'"
    for piece in expected.not_contains:
        if piece in sent.text:
            return f"the message contains '{one_line(piece)}'"
    if expected.matches is not None and not _is_found(expected.matches, sent.text):
        return f"the message does not match /{expected.matches}/"
    if expected.buttons is not None and not _are_buttons(sent, expected.buttons):
        return "the buttons are others"
    if expected.media is not None and expected.media not in (sent.media or ()):
        return f"there is no {expected.media} with the message"
    return ""


def _is_found(pattern: str, text: str) -> bool:
    return compile_pattern(f"(?s:.*)(?:{pattern})(?s:.*)").fullmatch(text) is not None


def _are_buttons(sent: Sent, expected: tuple[str, ...]) -> bool:
    """A button is expected by its text or by the value it stands for."""
    return len(sent.buttons) == len(expected) and all(
        shown.is_called(wanted) for wanted, shown in zip(expected, sent.buttons, strict=True)
    )


def one_line(text: str) -> str:
    """A text as one line of a conversation."""
    return " ⏎ ".join(text.splitlines())
