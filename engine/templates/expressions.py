"""What each kind of expression of a template becomes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from engine.suggest import did_you_mean
from engine.templates.bounds import HEAVY, MAX_ITEMS, TemplateFailed, bounded
from engine.templates.filters import FILTERS, LIGHT, TAKE_UNDEFINED, TESTS
from engine.templates.formatting import Place, lay_out, read_pattern
from engine.templates.operations import (
    add,
    at_most,
    attribute,
    before,
    contains,
    divide,
    divide_whole,
    element,
    equal,
    modulo,
    multiply,
    number,
    shown,
    subtract,
)
from engine.templates.speaking import SPOKEN
from engine.templates.template import Path, Read
from engine.templates.values import UNDEFINED, Record, Scope, enter

if TYPE_CHECKING:
    from engine.templates.compiling import Compiler

_ALL_FILTERS: dict[str, Callable[..., object]] = {**FILTERS, **SPOKEN}
_FORMAT = "format"

_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates: an escape can write them, and no database or channel takes them."""

_signature = lru_cache(maxsize=None)(inspect.signature)


def _constant(compiler: Compiler, node: nodes.Const) -> Read:
    try:
        value = enter(node.value)
    except (TemplateFailed, ArithmeticError):
        return compiler.refuse(node, "this text or number is too long for a template")
    if isinstance(value, str) and _NOT_TEXT.search(value):
        return compiler.refuse(node, "this text holds a character that no message can carry")
    return lambda scope: value


def _list(compiler: Compiler, node: nodes.List | nodes.Tuple) -> Read:
    if len(node.items) > MAX_ITEMS:
        return compiler.refuse(node, f"a list has at most {MAX_ITEMS} items")
    reads = compiler.expressions(node.items)
    return lambda scope: [read(scope) for read in reads]


def _name(compiler: Compiler, node: nodes.Name) -> Read:
    if _is_private(node):
        return compiler.refuse(node, f"'{node.name}' is not the name of a value")
    if not _is_local(compiler, node):
        return _read_path(compiler, node, (node.name,))
    return (lambda scope: scope.loop) if node.name == "loop" else (lambda scope: scope.item)


def _attribute(compiler: Compiler, node: nodes.Getattr | nodes.Getitem) -> Read:
    """A key of what stands before it: the end of a path, or of a computed value."""
    chain = _chain(node)
    private = next((link for link in chain if _is_private(link)), None)
    if private:
        return compiler.refuse(private, f"'{_key(private)}' is not the name of a value")
    root, keys = chain[0], tuple(_key(link) for link in chain[1:])
    if isinstance(root, nodes.Name) and not _is_local(compiler, root):
        return _read_path(compiler, root, (root.name, *keys))
    owner, key = compiler.expression(node.node), keys[-1]
    return lambda scope: attribute(owner(scope), key, scope)


def _item(compiler: Compiler, node: nodes.Getitem) -> Read:
    if _literal(node.arg) is not None:
        return _attribute(compiler, node)
    index = node.arg.value if isinstance(node.arg, nodes.Const) else None
    if not isinstance(index, int) or isinstance(index, bool):
        message = "only a constant key or index can stand in [ ]"
        return compiler.refuse(node, message, "Write list[0], group['key'] or list | last.")
    owner = compiler.expression(node.node)
    return lambda scope: element(owner(scope), index)


def _chain(node: nodes.Expr) -> list[nodes.Expr]:
    """An expression as what stands first and the constant keys after it."""
    links = [node]
    while isinstance(node, nodes.Getattr) or (
        isinstance(node, nodes.Getitem) and _literal(node.arg) is not None
    ):
        node = node.node
        links.append(node)
    return links[::-1]


def _key(link: nodes.Expr) -> str:
    """The name that a link of a chain adds, '' for a computed beginning."""
    match link:
        case nodes.Name():
            return link.name
        case nodes.Getattr():
            return link.attr
        case nodes.Getitem():
            return _literal(link.arg) or ""
        case _:
            return ""


def _is_private(link: nodes.Expr) -> bool:
    """A key in brackets may begin with one underscore: there it is somebody else's JSON."""
    return _key(link).startswith("__" if isinstance(link, nodes.Getitem) else "_")


def _is_local(compiler: Compiler, node: nodes.Name) -> bool:
    return compiler.item_name is not None and node.name in (compiler.item_name, "loop")


def _literal(node: nodes.Node | None) -> str | None:
    """The text of a text written in the template, None for anything else."""
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else None


def _read_path(compiler: Compiler, node: nodes.Name, path: Path) -> Read:
    compiler.uses.append(compiler.use(node, path))
    root, *keys = path
    if not keys:
        return lambda scope: enter(scope.names.get(root))
    first, *rest = keys

    # Nearly every template reads a path of two names: no loop for it, and no step in between.
    def read(scope: Scope) -> object:
        owner = scope.names.get(root)
        if isinstance(owner, Record):
            return owner.get(first)
        return attribute(enter(owner), first, scope)

    def read_deep(scope: Scope) -> object:
        value = read(scope)
        for key in rest:
            value = attribute(value, key, scope)
        return value

    return read_deep if rest else read


def _call(compiler: Compiler, node: nodes.Call) -> Read:
    plain = not (node.kwargs or node.dyn_args or node.dyn_kwargs) and len(node.args) == 1
    named = isinstance(node.node, nodes.Name) and node.node.name == "history"
    key = _literal(node.args[0]) if plain and named else None
    if key is None:
        return compiler.refuse(node, "only history('field') can be called in a template")
    compiler.histories.append(compiler.use(node.args[0], (key,)))
    return lambda scope: scope.history.get(key, ())


def _filter(compiler: Compiler, node: nodes.Filter) -> Read:
    if node.name == _FORMAT:
        return _format(compiler, node)
    function = _ALL_FILTERS.get(node.name)
    if function is None:
        hint = did_you_mean(node.name, (*_ALL_FILTERS, _FORMAT))
        return compiler.refuse(node, f"there is no filter '{node.name}'", hint)
    assert node.node is not None  # only the filter of a filter block, which is refused
    compiler.charge(1 if node.name in LIGHT else HEAVY)
    read = compiler.expression(node.node)
    arguments = _arguments(compiler, node, function, 2)
    takes_undefined = node.name in TAKE_UNDEFINED

    def filtered(scope: Scope) -> object:
        value = read(scope)
        if value is UNDEFINED and not takes_undefined:
            return value
        result = function(scope, value, *[argument(scope) for argument in arguments])
        return bounded(result) if isinstance(result, str) else result

    return filtered


def _arguments(
    compiler: Compiler,
    node: nodes.Filter | nodes.Test,
    function: Callable[..., object],
    given: int,
) -> list[Read]:
    """What computes the arguments after the first `given` ones, in the order of the function."""
    if node.dyn_args or node.dyn_kwargs:
        compiler.refuse(node, "* and ** cannot stand in arguments")
    positional = compiler.expressions(node.args)
    # Jinja types a keyword's key as an expression; it is a plain text.
    named: dict[str, object] = {
        str(keyword.key): compiler.expression(keyword.value) for keyword in node.kwargs
    }
    try:
        bound = _signature(function).bind(*[None] * given, *positional, **named)
    except TypeError as error:
        compiler.refuse(node, f"'{node.name}' has wrong arguments: {error}")
        return []
    if named:
        bound.apply_defaults()
    return [value if callable(value) else _always(value) for value in bound.args[given:]]


def _always(value: object) -> Read:
    return lambda scope: value


def _format(compiler: Compiler, node: nodes.Filter) -> Read:
    """`'pattern' | format(values)`: the pattern is the author's own, never data."""
    pattern = _literal(node.node)
    if pattern is None or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return compiler.refuse(node, "format needs its pattern before it: '%04d' | format(number)")
    try:
        parts = read_pattern(pattern)
    except ValueError as error:
        return compiler.refuse(node, str(error))
    places = sum(isinstance(part, Place) for part in parts)
    if places != len(node.args):
        message = f"the pattern has {places} places, format is given {len(node.args)} values"
        return compiler.refuse(node, message)
    values = compiler.expressions(node.args)
    return lambda scope: bounded(lay_out(parts, [read(scope) for read in values], scope))


def _test(compiler: Compiler, node: nodes.Test) -> Read:
    function = TESTS.get(node.name)
    if function is None:
        hint = did_you_mean(node.name, TESTS)
        return compiler.refuse(node, f"there is no test '{node.name}'", hint)
    read = compiler.expression(node.node)
    arguments = _arguments(compiler, node, function, 1)
    return lambda scope: function(read(scope), *[argument(scope) for argument in arguments])


def _arithmetic(
    compute: Callable[[object, object], object],
) -> Callable[[Compiler, nodes.BinExpr], Read]:
    """Two numbers; a text written there is a mistake that needs no customer to be seen."""

    def compiled(compiler: Compiler, node: nodes.BinExpr) -> Read:
        has_text = any(_literal(side) is not None for side in (node.left, node.right))
        if has_text and compute is not add:
            hint = "Write 'pattern' | format(value)." if isinstance(node, nodes.Mod) else ""
            return compiler.refuse(node, f"'{node.operator}' works on numbers, not on text", hint)
        left, right = compiler.expression(node.left), compiler.expression(node.right)
        return lambda scope: compute(left(scope), right(scope))

    return compiled


def _negative(compiler: Compiler, node: nodes.Neg) -> Read:
    read = compiler.expression(node.node)
    return lambda scope: subtract(UNDEFINED, read(scope))


def _positive(compiler: Compiler, node: nodes.Pos) -> Read:
    read = compiler.expression(node.node)
    return lambda scope: number(read(scope))


def _concatenation(compiler: Compiler, node: nodes.Concat) -> Read:
    compiler.charge(HEAVY * len(node.nodes))
    reads = compiler.expressions(node.nodes)

    def joined(scope: Scope) -> str:
        text = ""
        for read in reads:
            text = bounded(text + shown(read(scope), scope))
        return text

    return joined


def _and(compiler: Compiler, node: nodes.And) -> Read:
    left, right = compiler.expression(node.left), compiler.expression(node.right)
    return lambda scope: left(scope) and right(scope)


def _or(compiler: Compiler, node: nodes.Or) -> Read:
    left, right = compiler.expression(node.left), compiler.expression(node.right)
    return lambda scope: left(scope) or right(scope)


def _not(compiler: Compiler, node: nodes.Not) -> Read:
    read = compiler.expression(node.node)
    return lambda scope: not read(scope)


def _inline_if(compiler: Compiler, node: nodes.CondExpr) -> Read:
    test, then = compiler.expression(node.test), compiler.expression(node.expr1)
    otherwise = compiler.expression(node.expr2) if node.expr2 else _always(UNDEFINED)
    return lambda scope: then(scope) if test(scope) else otherwise(scope)


def _comparison(compiler: Compiler, node: nodes.Compare) -> Read:
    if len(node.ops) == 1 and _is_none(node.ops[0].expr) and node.ops[0].op in ("eq", "ne"):
        read, wanted = compiler.expression(node.expr), node.ops[0].op == "eq"
        return lambda scope: (read(scope) is UNDEFINED) is wanted
    compiler.charge(HEAVY * sum(step.op in ("in", "notin") for step in node.ops))
    steps = [(_COMPARISONS[step.op], compiler.expression(step.expr)) for step in node.ops]
    beginning = compiler.expression(node.expr)

    def compared(scope: Scope) -> bool:
        left = beginning(scope)
        for compare, read in steps:
            right = read(scope)
            if not compare(left, right, scope):
                return False
            left = right
        return True

    return compared


def _is_none(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Const) and node.value is None


_COMPARISONS: dict[str, Callable[[object, object, Scope], bool]] = {
    "eq": equal,
    "ne": lambda left, right, scope: not equal(left, right, scope),
    "lt": before,
    "gt": lambda left, right, scope: before(right, left, scope),
    "lteq": lambda left, right, scope: at_most(left, right, scope),
    "gteq": lambda left, right, scope: at_most(right, left, scope),
    "in": lambda left, right, scope: contains(right, left, scope),
    "notin": lambda left, right, scope: not contains(right, left, scope),
}

EXPRESSIONS: dict[type[nodes.Node], Callable[[Compiler, Any], Read]] = {
    nodes.Const: _constant,
    nodes.List: _list,
    nodes.Tuple: _list,
    nodes.Name: _name,
    nodes.Getattr: _attribute,
    nodes.Getitem: _item,
    nodes.Call: _call,
    nodes.Filter: _filter,
    nodes.Test: _test,
    nodes.Add: _arithmetic(add),
    nodes.Sub: _arithmetic(subtract),
    nodes.Mul: _arithmetic(multiply),
    nodes.Div: _arithmetic(divide),
    nodes.FloorDiv: _arithmetic(divide_whole),
    nodes.Mod: _arithmetic(modulo),
    nodes.Neg: _negative,
    nodes.Pos: _positive,
    nodes.Concat: _concatenation,
    nodes.And: _and,
    nodes.Or: _or,
    nodes.Not: _not,
    nodes.CondExpr: _inline_if,
    nodes.Compare: _comparison,
}

_NO_BLOCKS = "a template knows the blocks {% if %} and {% for %} only"

NOT_ALLOWED: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.Pow: ("'**' is not allowed in a template", "Write x * x."),
    nodes.Dict: ("a group of values cannot be written in a template", ""),
    nodes.Assign: (_NO_BLOCKS, "Use the node `set` to keep a value in var.x."),
    nodes.AssignBlock: (_NO_BLOCKS, "Use the node `set` to keep a value in var.x."),
    **dict.fromkeys(
        (
            nodes.Macro,
            nodes.CallBlock,
            nodes.FilterBlock,
            nodes.With,
            nodes.Block,
            nodes.Include,
            nodes.Import,
            nodes.FromImport,
            nodes.Extends,
            nodes.Scope,
        ),
        (_NO_BLOCKS, ""),
    ),
}
"""What an author may try, with what to say; the rest of Jinja's nodes gets a plain refusal."""
