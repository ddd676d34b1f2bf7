"""What each kind of expression of a template becomes: the one table, constants and operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from engine.fields.clean import has_lone_surrogate
from engine.templates.bounds import HEAVY, MAX_ITEMS, TemplateFailed, bounded
from engine.templates.calls import always, apply_filter, apply_test, call_history
from engine.templates.operations import (
    add,
    at_most,
    before,
    contains,
    divide,
    divide_whole,
    equal,
    modulo,
    multiply,
    number,
    shown,
    subtract,
)
from engine.templates.paths import literal, read_attribute, read_item, read_name
from engine.templates.template import Read
from engine.templates.values import UNDEFINED, Scope, enter

if TYPE_CHECKING:
    from engine.templates.compiling import Compiler


def _constant(compiler: Compiler, node: nodes.Const) -> Read:
    try:
        value = enter(node.value)
    except (TemplateFailed, ArithmeticError):
        return compiler.refuse(node, "this text or number is too long for a template")
    # An escape can write them, and no database or channel takes them.
    if isinstance(value, str) and ("\0" in value or has_lone_surrogate(value)):
        return compiler.refuse(node, "this text holds a character that no message can carry")
    return lambda scope: value


def _list(compiler: Compiler, node: nodes.List | nodes.Tuple) -> Read:
    if len(node.items) > MAX_ITEMS:
        return compiler.refuse(node, f"a list has at most {MAX_ITEMS} items")
    reads = compiler.expressions(node.items)
    return lambda scope: [read(scope) for read in reads]


def _arithmetic(
    compute: Callable[[object, object], object],
) -> Callable[[Compiler, nodes.BinExpr], Read]:
    """Two numbers; a text written there is a mistake that needs no customer to be seen."""

    def compiled(compiler: Compiler, node: nodes.BinExpr) -> Read:
        has_text = any(literal(side) is not None for side in (node.left, node.right))
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
    otherwise = compiler.expression(node.expr2) if node.expr2 else always(UNDEFINED)
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
    nodes.Name: read_name,
    nodes.Getattr: read_attribute,
    nodes.Getitem: read_item,
    nodes.Call: call_history,
    nodes.Filter: apply_filter,
    nodes.Test: apply_test,
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
