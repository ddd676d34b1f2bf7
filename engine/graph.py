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
        if set(circle).issuperset(target for node in circle for target in edges[node])
    ]


def _groups(edges: Edges) -> list[tuple[str, ...]]:
    """Strongly connected nodes, those that can reach one another, by Kosaraju's algorithm."""
    back: dict[str, list[str]] = {node: [] for node in edges}
    for node, targets in edges.items():
        for target in targets:
            if target in back:
                back[target].append(node)
    place = {node: at for at, node in enumerate(edges)}
    placed: set[str] = set()
    groups: list[tuple[str, ...]] = []
    for node in reversed(_by_end(edges)):
        if node not in placed:
            group = _unplaced(back, node, placed)
            groups.append(tuple(sorted(group, key=place.__getitem__)))
    return sorted(groups, key=lambda group: place[group[0]])


def _by_end(edges: Edges) -> list[str]:
    """The nodes in the order in which a depth-first walk is done with them."""
    done: list[str] = []
    seen: set[str] = set()
    for start in edges:
        walk = [(start, iter(edges[start]))] if start not in seen else []
        seen.add(start)
        while walk:
            node, targets = walk[-1]
            fresh = next((to for to in targets if to in edges and to not in seen), None)
            if fresh is None:
                done.append(node)
                walk.pop()
            else:
                seen.add(fresh)
                walk.append((fresh, iter(edges[fresh])))
    return done


def _unplaced(edges: Edges, start: str, placed: set[str]) -> list[str]:
    """`start` and what is reached from it by way of nodes not yet placed, which they then are."""
    placed.add(start)
    group = [start]
    for node in group:
        fresh = [target for target in edges[node] if target not in placed]
        placed.update(fresh)
        group += dict.fromkeys(fresh)
    return group
