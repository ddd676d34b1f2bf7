"""How a template reads names: `customer.first_name`, `event.json['email']`, `list[0]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import nodes

from engine.templates.operations import attribute, element
from engine.templates.template import Path, Read
from engine.templates.values import Record, Scope, enter

if TYPE_CHECKING:
    from engine.templates.compiling import Compiler


def literal(node: nodes.Node | None) -> str | None:
    """The text of a text written in the template, None for anything else."""
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else None


def read_name(compiler: Compiler, node: nodes.Name) -> Read:
    if _is_private(node):
        return compiler.refuse(node, f"'{node.name}' is not the name of a value")
    if not _is_local(compiler, node):
        return _read_path(compiler, node, (node.name,))
    return (lambda scope: scope.loop) if node.name == "loop" else (lambda scope: scope.item)


def read_attribute(compiler: Compiler, node: nodes.Getattr | nodes.Getitem) -> Read:
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


def read_item(compiler: Compiler, node: nodes.Getitem) -> Read:
    if literal(node.arg) is not None:
        return read_attribute(compiler, node)
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
        isinstance(node, nodes.Getitem) and literal(node.arg) is not None
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
            return literal(link.arg) or ""
        case _:
            return ""


def _is_private(link: nodes.Expr) -> bool:
    """A key in brackets may begin with one underscore: there it is somebody else's JSON."""
    return _key(link).startswith("__" if isinstance(link, nodes.Getitem) else "_")


def _is_local(compiler: Compiler, node: nodes.Name) -> bool:
    return compiler.item_name is not None and node.name in (compiler.item_name, "loop")


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
