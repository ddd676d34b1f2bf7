"""The ways through a flow, as a graph of node ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from engine.flow import Flow
from engine.node import END, Node

Edges = Mapping[str, Sequence[str]]
"""Node id -> the ids it leads to, END among them."""


def edges_of(flow: Flow) -> dict[str, tuple[str, ...]]:
    """Every way from every node; targets that do not exist are left out."""
    return {
        node.id: tuple(
            dict.fromkeys(
                target for target in _targets(flow, node) if target == END or target in flow.places
            )
        )
        for node in flow.nodes
    }


def _targets(flow: Flow, node: Node) -> Iterator[str]:
    yield from (target for _, target in node.exits())
    if node.falls_through or node.channels:
        yield END if node.end or node.end_all else node.goto or flow.below(node.id) or END


def reached(edges: Edges, start: str) -> set[str]:
    """`start` and every node some way leads to from there."""
    seen = {start}
    open_ = [start]
    while open_:
        for target in edges.get(open_.pop(), ()):
            if target not in seen:
                seen.add(target)
                open_.append(target)
    return seen


def circles(edges: Edges) -> list[tuple[str, ...]]:
    """The groups of nodes that lead round to themselves, each in the order of the flow."""
    return [
        group for group in _groups(edges) if len(group) > 1 or group[0] in edges.get(group[0], ())
    ]


def trapped(edges: Edges) -> list[tuple[str, ...]]:
    """The circles that no way leads out of."""
    return [
        circle
        for circle in circles(edges)
        if all(target in circle for node in circle for target in edges[node])
    ]


def _groups(edges: Edges) -> list[tuple[str, ...]]:
    """Strongly connected nodes: those that can reach one another."""
    order = list(edges)
    forward = {node: reached(edges, node) for node in order}
    groups: list[tuple[str, ...]] = []
    placed: set[str] = set()
    for node in order:
        if node not in placed:
            group = tuple(
                other for other in order if other in forward[node] and node in forward[other]
            )
            placed.update(group)
            groups.append(group)
    return groups
