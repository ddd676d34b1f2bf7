"""The parser's events of a YAML text, from libyaml where it is there, else from PyYAML itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import yaml
from yaml.error import Mark
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

if TYPE_CHECKING:
    from yaml._yaml import Mark as FastMark


class YamlError(Exception):
    """The text is not YAML; line and column count from 0."""

    def __init__(self, error: yaml.YAMLError) -> None:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        self.line: int = mark.line if mark else 0
        self.column: int = mark.column if mark else 0
        super().__init__(getattr(error, "problem", None) or "it cannot be read")


class PythonParser(Reader, Scanner, Parser):
    """PyYAML's own parser, taking a tab for a blank where libyaml does."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def scan_to_next_token(self) -> None:
        while True:
            super().scan_to_next_token()
            if self.peek() != "\t" or (self.allow_simple_key and not self.flow_level):
                return
            self.forward()


def fast_parser() -> type[Any]:
    """libyaml's parser; PyYAML's own where it was built without it."""
    if not yaml.__with_libyaml__:
        return PythonParser
    from yaml._yaml import CParser

    return CParser


def events(text: str, parser: type[Any] | None = None) -> Iterator[yaml.Event]:
    """One event after another; the text is read no further than asked. Raises YamlError."""
    stream = (parser or fast_parser())(text)
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
