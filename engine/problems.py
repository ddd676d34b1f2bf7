"""What is wrong in a file, and where."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from msgspec import Struct, field

from engine.suggest import meant

Severity = Literal["error", "warning"]


class Position(Struct, frozen=True, order=True):
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Position("", 1, 1)


class Problem(Struct, frozen=True, order=True):
    """One finding. `code` never changes its meaning; `suggestion` is '' where there is none."""

    position: Position
    code: str
    message: str
    suggestion: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.position} {self.code} {self.told}"

    @property
    def told(self) -> str:
        """The message and the suggestion, as sentences on one line."""
        if not self.suggestion:
            return self.message
        end = "" if self.message.endswith((".", "?", "!")) else "."
        return f"{self.message}{end} {self.suggestion}"

    def as_json(self) -> dict[str, str | int]:
        return {
            "file": self.position.file,
            "line": self.position.line,
            "column": self.position.column,
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "suggestion": self.suggestion,
        }


MOST_COMPARED = 500_000
"""Names that are compared with wrong ones in one load: some tenths of a second."""


class Problems(Struct):
    """Gathers every problem of a load, so that an author sees them all at once."""

    found: list[Problem] = field(default_factory=list)
    compared: int = 0

    def meant(self, word: str, known: Collection[str], otherwise: str = "") -> str:
        """As `engine.suggest.meant`, for as long as that takes no time to speak of: a file with
        ten thousand wrong names among ten thousand right ones would take minutes."""
        self.compared += len(known)
        if self.compared > MOST_COMPARED:
            return otherwise or "Write one that there is."
        return meant(word, known, otherwise)

    def error(self, position: Position, code: str, message: str, suggestion: str = "") -> None:
        self.found.append(Problem(position, code, message, suggestion))

    def warning(self, position: Position, code: str, message: str, suggestion: str = "") -> None:
        self.found.append(Problem(position, code, message, suggestion, "warning"))

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.found if problem.severity == "error"]

    def sorted(self) -> list[Problem]:
        """By file, line and column; the same finding twice is told once."""
        return sorted(set(self.found))
