"""Where boxes and arrows go: layer below layer, in few crossings, by the method of Sugiyama.

Sugiyama, Tagawa, Toda: Methods for Visual Understanding of Hierarchical System Structures, 1981.
Ways back up are turned round for the layering; an arrow over several layers runs through bends,
which take part in the ordering like boxes.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from msgspec import Struct

GAP, LAYER_GAP = 36.0, 54.0
"""Between boxes of a layer, and between layers, in pixels."""

BEND_WIDTH = 12.0
SWEEPS = 8
"""Down and up over the layers; more rarely take a crossing away."""


class Size(Struct, frozen=True):
    width: float
    height: float


class Place(Struct, frozen=True):
    """A box's upper left corner."""

    x: float
    y: float


class Layout(Struct, frozen=True):
    """places: of every box. paths: for each arrow, by its index, the points it runs through, from
    box to box. size: of the whole."""

    places: Mapping[str, Place]
    paths: tuple[tuple[tuple[float, float], ...], ...]
    size: Size


def lay_out(sizes: Mapping[str, Size], arrows: Sequence[tuple[str, str]]) -> Layout:
    """sizes: of the boxes, in the order in which they are to be read. arrows: pairs of boxes."""
    order = list(sizes)
    downward = _downward(order, arrows)
    layer = _layers(order, downward)
    chains, layer_of = _chains(downward, layer)
    layers = _ordered(order, chains, layer_of)
    widths = {
        name: sizes[name].width if name in sizes else BEND_WIDTH for row in layers for name in row
    }
    x = _columns(layers, chains, widths)
    tops, heights = _rows(layers, sizes)
    places = {
        name: Place(
            x[name] - sizes[name].width / 2,
            tops[layer_of[name]] + (heights[layer_of[name]] - sizes[name].height) / 2,
        )
        for name in order
    }
    paths = []
    for (source, target), chain in zip(arrows, chains, strict=True):
        points = [_point(name, x, places, sizes, tops, heights, layer_of) for name in chain]
        upward = bool(chain) and chain[0] == target and source != target
        paths.append(_path(source, target, points[::-1] if upward else points, places, sizes))
    right = max((places[name].x + sizes[name].width for name in order), default=0.0)
    bottom = max((places[name].y + sizes[name].height for name in order), default=0.0)
    return Layout(places, tuple(paths), Size(right, bottom))


def _downward(order: list[str], arrows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arrows with those that close a circle turned round."""
    leads: dict[str, list[str]] = {name: [] for name in order}
    for source, target in arrows:
        leads[source].append(target)
    finished: set[str] = set()
    back: set[tuple[str, str]] = set()
    for start in order:
        if start in finished:
            continue
        walk = [(start, iter(leads[start]))]
        open_ = {start}
        while walk:
            name, targets = walk[-1]
            for target in targets:
                if target in open_:
                    back.add((name, target))
                elif target not in finished:
                    open_.add(target)
                    walk.append((target, iter(leads[target])))
                    break
            else:
                walk.pop()
                open_.discard(name)
                finished.add(name)
    return [(b, a) if (a, b) in back else (a, b) for a, b in arrows]


def _layers(order: list[str], arrows: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Each box one layer below the lowest that leads to it."""
    before: dict[str, list[str]] = {name: [] for name in order}
    for source, target in arrows:
        if source != target:
            before[target].append(source)
    layer: dict[str, int] = {}
    open_ = list(reversed(order))
    while open_:
        name = open_[-1]
        missing = [source for source in before[name] if source not in layer]
        if missing:
            open_ += missing
        else:
            layer[name] = max((layer[source] + 1 for source in before[name]), default=0)
            open_.pop()
    return layer


def _chains(
    arrows: Sequence[tuple[str, str]], layer: Mapping[str, int]
) -> tuple[list[list[str]], dict[str, int]]:
    """For each arrow the boxes and bends it runs through, downwards; and the layer of each."""
    layer_of = dict(layer)
    chains = []
    for number, (source, target) in enumerate(arrows):
        chain = [source]
        for between in range(layer[source] + 1, layer[target]):
            bend = f"\0{number}:{between}"
            layer_of[bend] = between
            chain.append(bend)
        chains.append([*chain, target])
    return chains, layer_of


def _ordered(
    order: list[str], chains: Sequence[Sequence[str]], layer_of: Mapping[str, int]
) -> list[list[str]]:
    """The names of each layer from left to right: near what they are joined to."""
    count = max(layer_of.values(), default=-1) + 1
    rank = {name: place for place, name in enumerate(order)}
    layers: list[list[str]] = [[] for _ in range(count)]
    for name in sorted(layer_of, key=lambda name: rank.get(name, len(rank))):
        layers[layer_of[name]].append(name)
    above, below = _neighbours(chains)
    for sweep in range(SWEEPS):
        joined, rows = (above, layers[1:]) if sweep % 2 == 0 else (below, layers[-2::-1])
        for row in rows:
            place = {name: at for line in layers for at, name in enumerate(line)}
            row.sort(
                key=lambda name: _mean([place[one] for one in joined.get(name, ())], place[name])
            )
    return layers


def _neighbours(
    chains: Sequence[Sequence[str]],
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    return above, below


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _columns(
    layers: Sequence[Sequence[str]], chains: Sequence[Sequence[str]], widths: Mapping[str, float]
) -> dict[str, float]:
    """The middle of each box and bend: as near to its neighbours' as its layer has room."""
    above, below = _neighbours(chains)
    x: dict[str, float] = {}
    for row in layers:
        left = 0.0
        for name in row:
            x[name] = left + widths[name] / 2
            left += widths[name] + GAP
    for sweep in range(2 * SWEEPS):
        joined, rows = (above, layers) if sweep % 2 == 0 else (below, layers[::-1])
        for row in rows:
            wanted = [_mean([x[one] for one in joined.get(name, ())], x[name]) for name in row]
            x.update(zip(row, _apart(row, wanted, widths), strict=True))
    least = min((x[name] - widths[name] / 2 for name in x), default=0.0)
    return {name: middle - least for name, middle in x.items()}


def _apart(row: Sequence[str], wanted: Sequence[float], widths: Mapping[str, float]) -> list[float]:
    """Places in the row's order, without overlap, with the least sum of squared ways from what is
    wanted (pool adjacent violators)."""
    steps = [widths[a] / 2 + GAP + widths[b] / 2 for a, b in itertools.pairwise(row)]
    offsets = list(itertools.accumulate(steps, initial=0.0))
    blocks: list[list[float]] = []  # each [sum, count]
    for want, off in zip(wanted, offsets, strict=True):
        blocks.append([want - off, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    means = [total / count for total, count in blocks for _ in range(int(count))]
    return [mean + off for mean, off in zip(means, offsets, strict=True)]


def _rows(
    layers: Sequence[Sequence[str]], sizes: Mapping[str, Size]
) -> tuple[list[float], list[float]]:
    """The top of each layer, and the height of its highest box."""
    tops, heights, top = [], [], 0.0
    for row in layers:
        height = max((sizes[name].height for name in row if name in sizes), default=0.0)
        tops.append(top)
        heights.append(height)
        top += height + LAYER_GAP
    return tops, heights


def _point(
    name: str, x: Mapping[str, float], places: Mapping[str, Place], sizes: Mapping[str, Size],
    tops: Sequence[float], heights: Sequence[float], layer_of: Mapping[str, int],
) -> tuple[float, float]:  # fmt: skip
    """The middle of a box or bend."""
    if name in sizes:
        return x[name], places[name].y + sizes[name].height / 2
    return x[name], tops[layer_of[name]] + heights[layer_of[name]] / 2


def _path(
    source: str, target: str, points: Sequence[tuple[float, float]],
    places: Mapping[str, Place], sizes: Mapping[str, Size],
) -> tuple[tuple[float, float], ...]:  # fmt: skip
    """From the edge of one box through the bends to the edge of the other."""
    if source == target:
        place, size = places[source], sizes[source]
        right, middle = place.x + size.width, place.y + size.height / 2
        return ((right, middle - 8), (right + 18, middle), (right, middle + 8))
    down = places[source].y < places[target].y
    # A way back up stands beside the way down between the same boxes, not upon it.
    aside = 0.0 if down else 18.0
    first = (points[0][0] + aside, places[source].y + (sizes[source].height if down else 0.0))
    last = (points[-1][0] + aside, places[target].y + (0.0 if down else sizes[target].height))
    return (first, *points[1:-1], last)
