"""The steps of a test in its file: messages of the bot changed, put in and taken out by letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from engine.rewording import scalar
from engine.source import UNPRINTABLE
from engine.transcript import Bot
from engine.yaml_parts import Part, line_break, line_end, line_start, put
from rapport.testing.differences import difference_of
from rapport.testing.stage import Sent, Shown


class Edit(Struct, frozen=True, order=True):
    """`words` for what stands from `start` to `end`. turn: of two at one place, the order."""

    start: int
    end: int
    turn: int
    words: str


def applied(text: str, edits: Sequence[Edit]) -> str:
    """The text with all of them, which do not overlap."""
    for edit in sorted(edits, reverse=True):
        text = put(text, edit.start, edit.end, edit.words)
    return text


def written(said: Sent) -> str:
    """What a step `bot:` says of a message, in one line: its text, else what else it has."""
    if not said.buttons and said.media is None:
        return scalar(said.text)
    parts = [f"contains: {scalar(said.text)}"] if said.text else []
    parts += [f"buttons: {labels(said.buttons)}"] if said.buttons else []
    parts += [f"media: {said.media[0]}"] if said.media is not None else []
    return f"{{{', '.join(parts)}}}"


def labels(buttons: Sequence[Shown]) -> str:
    """The buttons as a list."""
    return f"[{', '.join(scalar(shown.text) for shown in buttons)}]"


class Steps:
    """The list `steps` of a test, in the text of its file."""

    def __init__(self, text: str, steps: Part) -> None:
        self._text = text
        self._in_brackets = steps.flow
        self._items = [item for item, _ in steps.entries]
        self._turn = 0

    def without(self, place: int) -> Iterator[Edit]:
        """One step less."""
        item = self._items[place]
        if self._in_brackets:
            if place:
                yield self._edit(self._items[place - 1].end, item.end, "")
            return
        yield self._edit(line_start(self._text, item.start), self._line_end(item), "")

    def with_one_behind(self, place: int, said: Sent) -> Iterator[Edit]:
        """A message more, behind the step at `place` (-1: before all of them)."""
        item, words = self._items[max(place, 0)], written(said)
        if self._in_brackets:
            at, step = (item.end, f", {{bot: {words}}}")
            at, step = (item.start, f"{{bot: {words}}}, ") if place < 0 else (at, step)
            yield self._edit(at, at, step)
            return
        start, end = line_start(self._text, item.start), line_break(self._text)
        blanks = self._text.index("-", start) - start
        step = f"{' ' * blanks}- bot: {words}{end}"
        at = start if place < 0 else self._line_end(item)
        missing = end if at and self._text[at - 1] not in "\r\n" else ""
        yield self._edit(at, at, missing + step)

    def saying(self, place: int, expected: Bot, said: Sent) -> Iterator[Edit]:
        """The message that is expected at `place` as it is now, in the words of the test where
        they still hold. Nothing where it would no longer say what must not be said."""
        item = self._items[place]
        _, value = item.entries[0]
        if item.shared or value.shared or not _keeps_out(expected, said):
            return
        if not value.is_mapping:
            yield self._put(value, self._text_like(value, item, said))
            return
        for key, part in value.entries:
            only = _only(expected, key.text)
            if part.shared or only is None or difference_of(said, only) is None:
                continue
            if key.text == "buttons":
                yield self._put(part, labels(said.buttons))
            elif key.text == "media" and said.media is not None:
                yield self._put(part, said.media[0])
            elif key.text == "contains":
                yield self._put(part, scalar(said.text, "" if part.entries else part.style))
            elif key.text == "matches" and not expected.contains:
                yield self._edit(key.start, self._end(part), f"contains: {scalar(said.text)}")

    def _text_like(self, value: Part, item: Part, said: Sent) -> str:
        """The whole text as the old one was written; a block of lines stays one."""
        if not said.text:
            return written(said)
        in_block = value.style in ("|", ">") and "\n" in said.text
        if not in_block or said.text != said.text.strip() or UNPRINTABLE.search(said.text):
            return scalar(said.text, value.style)
        end, blanks = line_break(self._text), " " * (item.column + 2)
        lines = (f"{blanks}{line}" if line else "" for line in said.text.split("\n"))
        return f"|{end}{end.join(lines)}"

    def _put(self, part: Part, words: str) -> Edit:
        return self._edit(part.start, self._end(part), words)

    def _edit(self, start: int, end: int, words: str) -> Edit:
        self._turn -= 1  # they are applied from the last to the first
        return Edit(start, end, self._turn, words)

    def _end(self, part: Part) -> int:
        """After its last letter: a block ends, for the parser, where what follows begins."""
        while part.entries and not part.flow:
            part = part.entries[-1][1]
        return len(self._text[: part.end].rstrip())

    def _line_end(self, part: Part) -> int:
        return line_end(self._text, self._end(part))


def _keeps_out(expected: Bot, said: Sent) -> bool:
    return not any(piece in said.text for piece in expected.not_contains)


def _only(expected: Bot, key: str) -> Bot | None:
    """What one key of a step asks, by itself; None for one that asks nothing."""
    if key not in ("contains", "matches", "buttons", "media"):
        return None
    return replace(Bot(expected.position), **{key: getattr(expected, key)})
