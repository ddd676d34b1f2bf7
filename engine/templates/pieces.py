"""A template taken apart: what is written, what is put in, and the secrets that stand between.

Where values become part of an address they have to be quoted one by one, and a secret must not be
there before the whole is used. So such a template is kept as its pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from msgspec import Struct

from engine.templates.bounds import MAX_TEXT
from engine.templates.template import Template, TemplateError, TemplateProblem, Use

SECRET = "secret"  # noqa: S105  # the word, not one
"""`secret.X` is the value of X in the environment of the process that needs it."""


class Secret(Struct, frozen=True):
    """A value that only the environment knows, by its name there."""

    name: str


Piece = str | Template | Secret
"""As written; what one `{{ }}` puts in; or a secret."""


class Pieces(Struct, frozen=True):
    """source: the whole. uses, histories: as those of a Template, secrets not among them."""

    source: str
    pieces: tuple[Piece, ...]

    @property
    def templates(self) -> tuple[Template, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Template))

    @property
    def uses(self) -> tuple[Use, ...]:
        return tuple(use for template in self.templates for use in template.uses)

    @property
    def histories(self) -> tuple[Use, ...]:
        return tuple(use for template in self.templates for use in template.histories)

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(piece.name for piece in self.pieces if isinstance(piece, Secret))


def secrets_in(value: object) -> Iterator[str]:
    """The secrets that a value names, wherever in it: of a flow, of a node, of its options."""
    if isinstance(value, Pieces):
        yield from value.secrets
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from secrets_in(one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from secrets_in(one)


def names_a_secret(template: Template) -> bool:
    """Whether it reads `secret`, so that it has to be taken apart."""
    return any(use.path[0] == SECRET for use in template.uses)


def take_apart(source: str) -> Pieces:
    """The pieces of a source that has no blocks. A secret is the whole of its `{{ }}`.

    Raises TemplateError with all its problems, or with the first where the grammar is broken.
    """
    if "{{" not in source and "{%" not in source and "{#" not in source:
        return Pieces(source, (source,))
    # jinja2 costs 40 ms to import: nobody pays who has only plain texts.
    from jinja2 import nodes

    from engine.templates.parsing import parse

    source = source.replace("\r\n", "\n").replace("\r", "\n")
    pieces: list[Piece] = []
    problems: list[TemplateProblem] = []
    for statement in parse(source):
        parts: Sequence[nodes.Node] = [statement]
        if isinstance(statement, nodes.Output):
            parts = statement.nodes
        for part in parts:
            try:
                pieces.append(_piece(source, part))
            except TemplateError as error:
                problems += error.problems
    for use in Pieces(source, tuple(pieces)).uses:
        if use.path[0] == SECRET:
            message = "a secret stands alone in its {{ }}: {{ secret.NAME }}"
            problems.append(TemplateProblem(use.line, use.column, message))
    if problems:
        raise TemplateError(sorted(set(problems)))
    return Pieces(source, tuple(piece for piece in pieces if piece != ""))


def _piece(source: str, node: object) -> Piece:
    """Raises TemplateError for what can be no piece."""
    from jinja2 import nodes

    from engine.templates.compiling import Compiler, printed_by
    from engine.templates.parsing import place

    if isinstance(node, nodes.TemplateData):
        if len(node.data) > MAX_TEXT:
            message = f"a text has at most {MAX_TEXT:,} characters"
            raise TemplateError([TemplateProblem(1, 1, message)])
        return node.data
    if not isinstance(node, nodes.Expr):
        line, column = place(source, node.lineno or 0)  # type: ignore[attr-defined]  # a node of Jinja's
        message = "only {{ }} can stand here, no {% if %} or {% for %}"
        raise TemplateError([TemplateProblem(line, column, message)])
    if _is_secret(node):
        return Secret(node.attr)
    compiler = Compiler(source)
    read = compiler.expression(node)
    compiler.finish()
    uses, histories = tuple(compiler.uses), tuple(compiler.histories)
    return Template(source, uses, histories, printed_by(read), read)


def _is_secret(node: object) -> TypeGuard[Any]:
    """Whether it is `secret.NAME`, and nothing more."""
    from jinja2 import nodes

    return (
        isinstance(node, nodes.Getattr)
        and isinstance(node.node, nodes.Name)
        and node.node.name == SECRET
    )
