"""One kind of mistake: where it can be made in a text, and what has to be told of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Put = str | Callable[[re.Match[str]], str]
"""What stands there instead: a template as of `re.sub`, or what makes it."""

HERE = "¦"
"""In what is put: the problem is told of this line. Without it: of the line where it begins."""

Where = Callable[["Mutant", str], set[int]]


@dataclass(frozen=True, slots=True)
class Mistake:
    """name: what somebody did wrong. pattern: what it is made of, found in lines; file: the files
    it is made in, by their first key (`flow`, `business`, `test`). codes: one of them is told.

    place: the lines on which it is told; None for the line of the mistake. unless: what, in the
    match, makes it no mistake.
    """

    name: str
    codes: str
    pattern: str
    put: Put
    file: str = "flow"
    place: Where | None = None
    unless: str = ""

    def made_in(self, name: str, text: str) -> Iterator[Mutant]:
        """Every text with the mistake in it at one place."""
        for match in re.finditer(self.pattern, text, re.MULTILINE):
            put = self.put(match) if callable(self.put) else match.expand(self.put)
            line = text[: match.start()].count("\n") + 1
            before, sign, _ = put.partition(HERE)
            if sign:
                line += before.count("\n")
            made = text[: match.start()] + put.replace(HERE, "") + text[match.end() :]
            mutant = Mutant(self, name, made, line, match)
            if made != text and mutant.lines() and not self.allows(match[0]):
                yield mutant

    def allows(self, written: str) -> bool:
        """Whether what stands there is none of the mistake's."""
        return bool(self.unless) and re.search(self.unless, written) is not None


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file with one mistake. line: where it is to be told, unless the mistake says elsewhere."""

    mistake: Mistake
    file: str
    text: str
    line: int
    match: re.Match[str]

    def lines(self) -> set[int]:
        """Where the problem may be told in the file, from 1."""
        if self.mistake.place is None:
            return {self.line}
        return self.mistake.place(self, self.text)
