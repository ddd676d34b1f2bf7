"""A source as Jinja's tree, with the offset in the source at each node.

Jinja's lexer and parser are the grammar; its code generator is not used. Its tokens know only their
line, and its parser copies a token's `lineno` to the node without looking at it: so the tokens are
given their offset in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from decimal import Decimal
from functools import cache, lru_cache

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from engine.templates.bounds import MAX_SOURCE
from engine.templates.template import TemplateError, TemplateProblem

_MAX_DIGITS = 28

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = frozenset("\\'\"abfnrtvxuUN\n")

_RawToken = tuple[int, str, str]
"""(offset, Jinja's name of the kind, the text as written)."""


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(keep_trailing_newline=True)  # noqa: S701 - it makes plain text, not HTML


def place(source: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of an offset."""
    line_start = source.rfind("\n", 0, offset) + 1
    return source.count("\n", 0, offset) + 1, offset - line_start + 1


def parse(source: str) -> list[nodes.Node]:
    """The statements of a source whose lines end in \\n; every `lineno` in them is an offset.

    Raises TemplateError for what is too long or is not Jinja.
    """
    if len(source) > MAX_SOURCE:
        message = f"a template has at most {MAX_SOURCE:,} characters, this one {len(source):,}"
        raise TemplateError([TemplateProblem(1, 1, message)])
    tokens = _raw_tokens(source)
    parser = _parser()
    try:
        parser.stream = TokenStream(_tokens(tokens), None, None)
        return parser.subparse()
    except TemplateSyntaxError as error:
        raise _broken(source, error.lineno, error.message or "broken template") from error
    except RecursionError as error:
        raise _broken(source, 0, "the template is nested too deep") from error


def _parser() -> Parser:
    """One that has read nothing: a copy, for to make one it first reads an empty source."""
    parser = copy(_blank_parser())
    parser._tag_stack, parser._end_token_stack = [], []  # noqa: SLF001  # a copy shares them
    return parser


@cache
def _blank_parser() -> Parser:
    return Parser(_environment(), "")


def _raw_tokens(source: str) -> list[_RawToken]:
    tokens: list[_RawToken] = []
    offset = 0
    try:
        for _, kind, written in _environment().lexer.tokeniter(source, None):
            # What lies between two tokens is white space that a `-` at a tag took away.
            offset = source.index(written, offset)
            tokens.append((offset, kind, written))
            offset += len(written)
    except TemplateSyntaxError as error:
        # This error has a line, and no column.
        message = error.message or "broken template"
        raise TemplateError([TemplateProblem(error.lineno, 1, message)]) from error
    return tokens


def _tokens(raw: list[_RawToken]) -> Iterator[Token]:
    wrap = _environment().lexer.wrap
    for offset, kind, written in raw:
        digits = len(written.replace("_", ""))
        if kind in ("integer", "float") and digits > _MAX_DIGITS:
            raise TemplateSyntaxError(f"a number has at most {_MAX_DIGITS} digits", offset)
        if kind == "float":
            # Jinja would make a double of it, and 0.1 would no longer be 0.1.
            exact = Decimal(written.replace("_", ""))
            yield Token(offset, kind, exact)  # type: ignore[arg-type]  # Jinja puts floats there
        elif kind == "string":
            yield from wrap([(offset, kind, _ESCAPE.sub(_escape, written))])
        else:
            yield from wrap([(offset, kind, written)])


def _escape(match: re.Match[str]) -> str:
    """An escape that Python knows, or a backslash that stays one.

    Python takes `\\_` so too, but with a warning, which stricter settings make an error.
    """
    return match[0] if match[1] in _ESCAPED else "\\" + match[0]


def _broken(source: str, offset: int, message: str) -> TemplateError:
    line, column = place(source, offset)
    return TemplateError([TemplateProblem(line, column, message)])
