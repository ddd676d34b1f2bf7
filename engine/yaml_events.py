"""The parser's events of a YAML text, from libyaml where it is there, else from PyYAML itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import yaml
from yaml.error import Mark
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError
from yaml.tokens import ScalarToken

if TYPE_CHECKING:
    from yaml._yaml import Mark as FastMark


class YamlError(Exception):
    """The text is not YAML; line and column count from 0.

    What is opened and not closed, and a word that should have been a key, stand where they begin:
    the parser notices them lines later.
    """

    def __init__(self, error: yaml.YAMLError) -> None:
        begun, noticed = (getattr(error, name, None) for name in ("context_mark", "problem_mark"))
        mark = (begun or noticed) if _is_noticed_late(error) else (noticed or begun)
        self.line: int = mark.line if mark else 0
        self.column: int = mark.column if mark else 0
        super().__init__(getattr(error, "problem", None) or "it cannot be read")


def _is_noticed_late(error: yaml.YAMLError) -> bool:
    context, problem = (getattr(error, name, None) or "" for name in ("context", "problem"))
    begun, noticed = (getattr(error, name, None) for name in ("context_mark", "problem_mark"))
    if "parsing a flow" in context:
        return bool(begun and noticed and begun.line < noticed.line)
    return "simple key" in context or "end of stream" in problem


_BREAKS = "\r\n\x85\u2028\u2029"
_BLANKS = " \t" + _BREAKS
_ENDS = "\0" + _BLANKS
_FLOW_SIGNS = ",[]{}"


class PythonParser(Reader, Scanner, Parser):
    """PyYAML's own parser with libyaml's rules for plain scalars, tabs and `?`.

    The two disagree there: `{ask: How many?, skip: no}` and a tab before a comment are read by
    libyaml alone. The methods are PyYAML's, with its names, rewritten after libyaml's scanner.c.
    """

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def scan_directive(self) -> NoReturn:
        raise ScannerError(None, None, "found a directive", self.get_mark())

    def check_plain(self) -> bool:
        sign = self.peek()
        if sign not in _ENDS + "-?:,[]{}#&*!|>'\"%@`":
            return True
        if sign == "-":
            return self.peek(1) not in " \t"
        return not self.flow_level and sign in "?:" and self.peek(1) not in _ENDS

    def scan_to_next_token(self) -> None:
        while True:
            super().scan_to_next_token()
            if self.peek() != "\t" or (self.allow_simple_key and not self.flow_level):
                return
            self.forward()

    def scan_plain(self) -> ScalarToken:
        start = end = self.get_mark()
        text, between, lines = "", "", False
        while not self.at_document_sign() and self.peek() != "#":
            word = self.scan_word(start)
            if word:
                text += between + word
                end = self.get_mark()
                self.allow_simple_key = False
                lines = False
            if self.peek() not in _BLANKS:
                break
            between, lines = self.scan_between(start)
            if not self.flow_level and self.column < self.indent + 1:
                break
        if lines:
            self.allow_simple_key = True
        return ScalarToken(text, True, start, end)

    def at_document_sign(self) -> bool:
        signs = self.column == 0 and self.prefix(3) in ("---", "...")
        return signs and self.peek(3) in _ENDS

    def scan_word(self, start: Mark) -> str:
        """The letters up to a blank or a sign that ends a plain scalar."""
        length = 0
        while (sign := self.peek(length)) not in _ENDS:
            after = self.peek(length + 1)
            if sign == ":" and self.flow_level and after in "?" + _FLOW_SIGNS:
                problem = "found unexpected ':'"
                raise ScannerError("while scanning a plain scalar", start, problem, self.get_mark())
            if (sign == ":" and after in _ENDS) or (self.flow_level and sign in _FLOW_SIGNS):
                break
            length += 1
        word: str = self.prefix(length)
        self.forward(length)
        return word

    def scan_between(self, start: Mark) -> tuple[str, bool]:
        """The blanks between two words, folded; and whether a line ended in them."""
        blanks = ""
        breaks: list[str] = []
        while (sign := self.peek()) in _BLANKS:
            if sign in _BREAKS:
                breaks.append(self.line_break())
                continue
            if breaks and sign == "\t" and self.column < self.indent + 1:
                problem = "found a tab character that violates indentation"
                raise ScannerError("while scanning a plain scalar", start, problem, self.get_mark())
            blanks += sign
            self.forward()
        if not breaks:
            return blanks, False
        if breaks[0] != "\n":
            return "".join(breaks), True
        return "".join(breaks[1:]) or " ", True

    def line_break(self) -> str:
        broken: str = self.scan_line_break()  # type: ignore[no-untyped-call]  # PyYAML's stubs
        return broken

    def scan_block_scalar_indentation(self) -> tuple[list[str], int, Mark]:
        chunks, indent, end = super().scan_block_scalar_indentation()
        if self.peek() == "\t":
            problem = "found a tab character where an indentation space is expected"
            raise ScannerError("while scanning a block scalar", end, problem, self.get_mark())
        return chunks, indent, end


def fast_parser() -> type[Any]:
    """libyaml's parser; PyYAML's own where it was built without it."""
    if not yaml.__with_libyaml__:
        return PythonParser
    from yaml._yaml import CParser

    return CParser


def events(text: str, parser: type[Any] | None = None) -> Iterator[yaml.Event]:
    """One event after another; the text is read no further than asked. Raises YamlError."""
    # Without a last line break the two would place what is missing there differently.
    stream = (parser or fast_parser())(text if text.endswith("\n") else text + "\n")
    try:
        while stream.check_event():
            yield stream.get_event()
    except yaml.YAMLError as error:
        raise YamlError(error) from None
    finally:
        stream.dispose()


def start_of(event: yaml.Event) -> Mark | FastMark:
    """Where the event begins; line and column count from 0."""
    assert event.start_mark is not None  # only events made by hand have none
    return event.start_mark


def end_of(event: yaml.Event) -> Mark | FastMark:
    """Just after the event's last letter."""
    assert event.end_mark is not None
    return event.end_mark
