"""A compiled template."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

from msgspec import Struct

from engine.bidi import out_of_links
from engine.templates.bounds import TemplateFailed
from engine.templates.values import Result, Scope, leave

Path = tuple[str, ...]
"""A dotted name: ("customer", "first_name"), ("event", "json", "email")."""

Read = Callable[[Scope], object]
Print = Callable[[Scope], str]

_MARKS = ("{{", "{%", "{#")


class Use(Struct, frozen=True):
    """A name that a template reads, and where in its source; line and column count from 1."""

    path: Path
    line: int
    column: int


class TemplateProblem(Struct, frozen=True, order=True):
    """A finding in a source; line and column count from 1; `suggestion` may be ''."""

    line: int
    column: int
    message: str
    suggestion: str = ""


class TemplateError(Exception):
    """A source that is not a template. `problems` says everything that is wrong with it."""

    def __init__(self, problems: list[TemplateProblem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


class Template(Struct, frozen=True, eq=False, dict=True):
    """A text with values to be put in. Two of the same source are equal.

    `uses` has each name as often as it is read; `histories` the fields asked for by
    `history('field')`, each as a path of one.
    """

    source: str
    uses: tuple[Use, ...] = ()
    histories: tuple[Use, ...] = ()
    _print: Print | None = None
    _read: Read | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    @property
    def is_constant(self) -> bool:
        """Whether it is plain text, the same for everybody."""
        return self._print is None

    @property
    def is_value(self) -> bool:
        """Whether it is one whole `{{ }}`, whose value keeps its type."""
        return self._read is not None

    @cached_property
    def names(self) -> frozenset[Path]:
        """The paths read, once each."""
        return frozenset(use.path for use in self.uses)

    def render(self, scope: Scope) -> str:
        """The text. Raises TemplateFailed for values that it cannot work with."""
        if self._print is None:
            return self.source
        try:
            return self._print(scope)
        except ArithmeticError as error:
            raise TemplateFailed("a number or date that is too large") from error

    def tell(self, scope: Scope) -> str:
        """The text for a person to read: what is put in keeps its direction (engine.bidi).

        Raises TemplateFailed as `render` does.
        """
        if self._print is None:
            return self.source
        scope.tells = True
        try:
            return out_of_links(self.render(scope))
        finally:
            scope.tells = False

    def evaluate(self, scope: Scope) -> Result:
        """The value, with its type, of what is one whole `{{ }}`; else the text.

        Raises TemplateFailed for values that it cannot work with.
        """
        if self._read is None:
            return self.render(scope)
        try:
            return leave(self._read(scope))
        except ArithmeticError as error:
            raise TemplateFailed("a number or date that is too large") from error


def compile_template(source: str) -> Template:
    """A source, checked and made ready to be rendered many times.

    Text without `{{`, `{%` and `{#` is itself. Raises TemplateError with all its problems, or
    with the first where the grammar is broken.
    """
    if "{" not in source or not any(mark in source for mark in _MARKS):
        return Template(source)
    return _compiled(source)


@lru_cache(maxsize=4096)
def _compiled(source: str) -> Template:
    """Once for equal texts, and for those that are read again after a change elsewhere."""
    # jinja2 costs 40 ms to import: nobody pays who has only plain texts.
    from engine.templates.compiling import compile_source

    return compile_source(source)
