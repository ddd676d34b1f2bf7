"""How a template calls what it may call: filters, tests and history('field')."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from jinja2 import nodes

from engine.suggest import meant
from engine.templates.bounds import HEAVY, TemplateFailed, bounded
from engine.templates.filters import FILTERS, LIGHT, TAKE_UNDEFINED, TESTS
from engine.templates.formatting import Place, lay_out, read_pattern
from engine.templates.paths import literal
from engine.templates.speaking import DATE_STYLES, SPOKEN
from engine.templates.template import Read
from engine.templates.values import UNDEFINED, Scope, enter, leave

if TYPE_CHECKING:
    from engine.templates.compiling import Compiler

_ALL_FILTERS: dict[str, Callable[..., object]] = {**FILTERS, **SPOKEN}
_FORMAT = "format"

_signature = lru_cache(maxsize=None)(inspect.signature)


def add_filter(name: str, function: Callable[..., object]) -> None:
    """Let templates that are compiled from now on call a function of somebody else's program, with
    the value and the filter's arguments; where it raises, the template fails.

    It has to be pure: a step is repeated after a crash. It is asked about no undefined value.
    Raises ValueError for a name that is taken or is none.
    """
    known = _ALL_FILTERS.get(name)
    if known is not None and getattr(known, "__wrapped__", None) is function:
        return
    if known is not None or name == _FORMAT or not name.isidentifier():
        raise ValueError(f"a filter cannot be called '{name}': that is taken, or no name")

    def called(_scope: Scope, value: object, *arguments: object) -> object:
        try:
            return enter(function(leave(value), *map(leave, arguments)))
        except TemplateFailed:
            raise
        except Exception as error:
            raise TemplateFailed(f"the filter '{name}' failed: {type(error).__name__}") from error

    own = inspect.signature(function)
    scope = inspect.Parameter("scope", inspect.Parameter.POSITIONAL_ONLY)
    value, *rest = own.parameters.values()
    first = value.replace(kind=inspect.Parameter.POSITIONAL_ONLY)
    called.__signature__ = own.replace(parameters=[scope, first, *rest])  # type: ignore[attr-defined]
    called.__wrapped__ = function  # type: ignore[attr-defined]
    _ALL_FILTERS[name] = called


def call_history(compiler: Compiler, node: nodes.Call) -> Read:
    plain = not (node.kwargs or node.dyn_args or node.dyn_kwargs) and len(node.args) == 1
    named = isinstance(node.node, nodes.Name) and node.node.name == "history"
    key = literal(node.args[0]) if plain and named else None
    if key is None:
        return compiler.refuse(node, "only history('field') can be called in a template")
    compiler.histories.append(compiler.use(node.args[0], (key,)))
    return lambda scope: scope.history.get(key, ())


def apply_filter(compiler: Compiler, node: nodes.Filter) -> Read:
    if node.name == _FORMAT:
        return _format(compiler, node)
    function = _ALL_FILTERS.get(node.name)
    if function is None:
        hint = meant(node.name, (*_ALL_FILTERS, _FORMAT))
        return compiler.refuse(node, f"there is no filter '{node.name}'", hint)
    assert node.node is not None  # only the filter of a filter block, which is refused
    compiler.charge(1 if node.name in LIGHT else HEAVY)
    style = literal(node.args[0]) if node.name == "date" and node.args else None
    if style is not None and style not in DATE_STYLES:
        hint = meant(style, DATE_STYLES)
        return compiler.refuse(node, f"a date has no style '{style}'", hint)
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
    return [value if callable(value) else always(value) for value in bound.args[given:]]


def always(value: object) -> Read:
    return lambda scope: value


def _format(compiler: Compiler, node: nodes.Filter) -> Read:
    """`'pattern' | format(values)`: the pattern is the author's own, never data."""
    pattern = literal(node.node)
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


def apply_test(compiler: Compiler, node: nodes.Test) -> Read:
    function = TESTS.get(node.name)
    if function is None:
        hint = meant(node.name, TESTS)
        return compiler.refuse(node, f"there is no test '{node.name}'", hint)
    read = compiler.expression(node.node)
    arguments = _arguments(compiler, node, function, 1)
    return lambda scope: function(read(scope), *[argument(scope) for argument in arguments])
