"""A checked source becomes closures: the pass over the tree, and its statements.

Only the kinds of node in EXPRESSIONS and STATEMENTS have a meaning; each becomes a small function
over a Scope. There is no generated code and no Python attribute anywhere, so what is not written
there cannot happen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from jinja2 import nodes

from engine.bidi import isolated, runs_right
from engine.templates.bounds import MAX_DEPTH, MAX_ITEMS, MAX_TEXT, MAX_WORK, bounded
from engine.templates.expressions import EXPRESSIONS, NOT_ALLOWED
from engine.templates.operations import shown
from engine.templates.parsing import parse, place
from engine.templates.template import (
    Path,
    Print,
    Read,
    Template,
    TemplateError,
    TemplateProblem,
    Use,
)
from engine.templates.values import UNDEFINED, Scope, items

Compiled = TypeVar("Compiled", Read, Print)

_GROUP = 16
"""Texts joined at once, so that an output far over the limit is never built."""


def compile_source(source: str) -> Template:
    """See `compile_template`."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    statements = parse(source)
    compiler = Compiler(source, runs_right(_written(statements)))
    whole = _whole_expression(statements)
    read = compiler.expression(whole) if whole else None
    printed = printed_by(read) if read else compiler.body(statements)
    compiler.finish()
    return Template(source, tuple(compiler.uses), tuple(compiler.histories), printed, read)


def _written(statements: Sequence[nodes.Node]) -> str:
    """What stands outside of `{{ }}` and `{% %}`, at any depth, in the order of the source."""
    texts: list[str] = []
    waiting = list(reversed(statements))
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.TemplateData):
            texts.append(node.data)
        elif isinstance(node, nodes.Output):
            waiting += reversed(node.nodes)
        elif isinstance(node, nodes.If):
            waiting += reversed([*node.body, *node.elif_, *node.else_])
        elif isinstance(node, nodes.For):
            waiting += reversed([*node.body, *node.else_])
    return "".join(texts)


def _whole_expression(statements: list[nodes.Node]) -> nodes.Expr | None:
    """The expression of a template that is one `{{ }}` and nothing else."""
    if len(statements) != 1 or not isinstance(output := statements[0], nodes.Output):
        return None
    if len(output.nodes) != 1 or isinstance(output.nodes[0], nodes.TemplateData):
        return None
    return output.nodes[0]


class Compiler:
    """One pass over one tree; what is wrong is gathered, so that all of it can be told.

    `item_name` is the variable of the `for` that the pass is in, None outside of one. `right`:
    whether what is written around the values runs from the right, None where no letter tells.
    """

    def __init__(self, source: str, right: bool | None = None) -> None:
        self.source = source
        self.right = right
        self.uses: list[Use] = []
        self.histories: list[Use] = []
        self.problems: list[TemplateProblem] = []
        self.item_name: str | None = None
        self.has_loop = False
        self._depth = 0
        self._work = 0

    def finish(self) -> None:
        """Raises TemplateError if anything was wrong."""
        if self._work > MAX_WORK:
            message = (
                f"the template does too much: its work counts {self._work:,} of {MAX_WORK:,}, "
                f"everything inside the for {MAX_ITEMS} times"
            )
            self.problems.append(TemplateProblem(1, 1, message))
        if self.problems:
            raise TemplateError(sorted(set(self.problems)))

    def refuse(self, node: nodes.Node, message: str, suggestion: str = "") -> Read:
        """Records a problem; gives a function, so that the pass can go on."""
        # Jinja gives a block of autoescape no place.
        line, column = place(self.source, node.lineno or 0)
        self.problems.append(TemplateProblem(line, column, message, suggestion))
        return _nothing

    def use(self, node: nodes.Node, path: Path) -> Use:
        """A name read at a node."""
        return Use(path, *place(self.source, node.lineno))

    def charge(self, work: int) -> None:
        """Counts the work of one operation."""
        self._work += work * (MAX_ITEMS if self.item_name else 1)

    def expression(self, node: nodes.Node) -> Read:
        """The function that computes an expression."""
        return self._visit(EXPRESSIONS, node, _nothing)

    def expressions(self, wanted: Sequence[nodes.Expr]) -> list[Read]:
        return [self.expression(node) for node in wanted]

    def body(self, statements: Sequence[nodes.Node]) -> Print:
        """The function that prints some statements one after the other."""
        return _joined([self._visit(STATEMENTS, node, _no_text) for node in statements])

    def _visit(
        self,
        table: Mapping[type[nodes.Node], Callable[[Compiler, Any], Compiled]],
        node: nodes.Node,
        instead: Compiled,
    ) -> Compiled:
        self.charge(1)
        compile_node = table.get(type(node))
        if compile_node is None:
            self.refuse(node, *NOT_ALLOWED.get(type(node), ("this is not allowed in a template",)))
            return instead
        if self._depth == MAX_DEPTH:
            self.refuse(node, f"the template is nested deeper than {MAX_DEPTH} levels")
            return instead
        self._depth += 1
        compiled = compile_node(self, node)
        self._depth -= 1
        return compiled


def _nothing(scope: Scope) -> object:
    return UNDEFINED


def _no_text(scope: Scope) -> str:
    return ""


def _joined(pieces: list[Print]) -> Print:
    if not pieces:
        return _no_text
    if len(pieces) == 1:
        return pieces[0]
    if len(pieces) > _GROUP:
        groups = range(0, len(pieces), _GROUP)
        return _joined([_joined(pieces[start : start + _GROUP]) for start in groups])
    return lambda scope: bounded("".join([piece(scope) for piece in pieces]))


def printed_by(read: Read) -> Print:
    def printed(scope: Scope) -> str:
        value = read(scope)
        return value if isinstance(value, str) else shown(value, scope)

    return printed


def _isolating(printed: Print, right: bool | None) -> Print:
    """What is put in, so that a person reads it in its own order."""
    if right is None:
        return printed

    def told(scope: Scope) -> str:
        return isolated(printed(scope), right) if scope.tells else printed(scope)

    return told


def _output(compiler: Compiler, node: nodes.Output) -> Print:
    return _joined([_piece(compiler, piece) for piece in node.nodes])


def _piece(compiler: Compiler, node: nodes.Expr) -> Print:
    if not isinstance(node, nodes.TemplateData):
        return _isolating(printed_by(compiler.expression(node)), compiler.right)
    written = node.data
    if len(written) > MAX_TEXT:
        compiler.refuse(node, f"a text has at most {MAX_TEXT:,} characters")
    return lambda scope: written


def _if(compiler: Compiler, node: nodes.If) -> Print:
    cases = [
        (compiler.expression(case.test), compiler.body(case.body)) for case in (node, *node.elif_)
    ]
    otherwise = compiler.body(node.else_)

    def chosen(scope: Scope) -> str:
        for test, body in cases:
            if test(scope):
                return body(scope)
        return otherwise(scope)

    return chosen


def _for(compiler: Compiler, node: nodes.For) -> Print:
    name = _loop_variable(compiler, node)
    if name is None:
        return _no_text
    compiler.has_loop = True
    found = compiler.expression(node.iter)
    otherwise = compiler.body(node.else_)
    compiler.item_name = name
    test = compiler.expression(node.test) if node.test else None
    body = compiler.body(node.body)
    compiler.item_name = None

    def looped(scope: Scope) -> str:
        rounds = _rounds(scope, items(found(scope)), test)
        if not rounds:
            return otherwise(scope)
        text = ""
        for inner in rounds:
            text = bounded(text + body(inner))
        return text

    return looped


def _loop_variable(compiler: Compiler, node: nodes.For) -> str | None:
    """The name of the item, None where the loop is refused."""
    if compiler.has_loop:
        compiler.refuse(node, "a template has one for, and none inside it")
    elif node.recursive:
        compiler.refuse(node, "a for cannot be recursive")
    elif not isinstance(node.target, nodes.Name):
        compiler.refuse(node, "a for has one variable", "Write {% for item in list %}.")
    elif node.target.name.startswith("_") or node.target.name == "loop":
        compiler.refuse(node, f"a variable cannot be called '{node.target.name}'")
    else:
        return node.target.name
    return None


def _rounds(scope: Scope, found: list[object], test: Read | None) -> list[Scope]:
    """A scope for each item that passes the test, each knowing its place among them."""
    if test:
        found = [item for item in found if test(scope.within(item, {}))]
    return [
        scope.within(
            item,
            {
                "index": Decimal(index + 1),
                "index0": Decimal(index),
                "first": index == 0,
                "last": index == len(found) - 1,
                "length": Decimal(len(found)),
            },
        )
        for index, item in enumerate(found)
    ]


STATEMENTS: dict[type[nodes.Node], Callable[[Compiler, Any], Print]] = {
    nodes.Output: _output,
    nodes.If: _if,
    nodes.For: _for,
}
