"""An outline as SVG. Letters are shaped and put in order by whoever shows it, as browsers do."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from html import escape

from rapport.pictures.layout import Layout, Place, Size, lay_out
from rapport.pictures.outline import Box, Figures, Outline

FONT = "Vazirmatn, 'Segoe UI', 'Noto Sans', 'Noto Sans Arabic', Tahoma, 'DejaVu Sans', sans-serif"
LETTER, LINE, PAD = 7.2, 18.0, 12.0
"""Pixels: a letter's usual width at 13 px, a line's height, and the room around a text."""

WIDEST = 34
"""Letters in a line of a box."""

MOST_LINES = 6
"""Lines of a text in a box; the file has the rest."""

MARGIN = 24.0

FILL = {
    "begin": "#e3f2e1", "end": "#e8e8e8", "say": "#eaf1fb", "ask": "#fff4d6", "form": "#fff4d6",
    "branch": "#f3e8fa", "split": "#f3e8fa", "call": "#e2f4f3", "start": "#e2f4f3",
    "delay": "#fbe9e1", "wait_for": "#fbe9e1", "http": "#e4ecf4",
    "notify": "#fde7ef", "handoff": "#fde7ef",
    **dict.fromkeys(("note", "task", "purchase", "interaction"), "#f1ede4"),
    **dict.fromkeys(("set", "tag", "segment"), "#f4f5f6"),
}  # fmt: skip
_POINTED = frozenset({"branch", "split"})
_ROUND = frozenset({"begin", "end", "delay", "wait_for"})
_DOUBLE = frozenset({"call", "start"})
_LEANING = frozenset({"http"})
_FOR_STAFF = frozenset({"notify", "handoff"})
_SHEETS = frozenset({"note", "task", "purchase", "interaction"})
"""Kinds by the form of their boxes: pointed where a way is chosen, round where nothing is said,
double where another flow runs, leaning to other systems, narrower at the top for the staff, a
sheet of paper for what is kept; all others are rectangles."""

_WIDER = _POINTED | _DOUBLE | _LEANING | _FOR_STAFF

INK, RED, GREY, BLUE = "#1f2933", "#c62828", "#5f6b76", "#1c5d99"
_COLOURS = {"stores": GREY, "figures": BLUE, "lost": RED}

_FROM_THE_RIGHT = "\u200f"

BAR = 5.0
"""The height of the bar that shows how many of all came here, and how many were lost."""


def svg(outline: Outline) -> str:
    """The picture, whole: no font or script from elsewhere."""
    lines = {box.id: list(_lines(box)) for box in outline.boxes}
    sizes = {box.id: _size(box, lines[box.id]) for box in outline.boxes}
    layout = lay_out(sizes, [(arrow.source, arrow.target) for arrow in outline.arrows])
    width = layout.size.width + 2 * MARGIN + 24
    height = layout.size.height + 2 * MARGIN + 2 * LINE
    body = [
        *_arrows(outline, layout),
        *(
            part
            for box in outline.boxes
            for part in _box(box, lines[box.id], layout.places[box.id], sizes[box.id])
        ),
        *_labels(outline, layout),
    ]
    drawn = "\n".join(body)
    title = _text(outline.title, 0, -LINE, size=16, weight="bold", anchor="start")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="{-MARGIN:.0f} {-MARGIN - 1.5 * LINE:.0f} {width:.0f} {height:.0f}"'
        f' font-family="{FONT}" font-size="13" fill="{INK}">\n'
        f"<title>{escape(outline.title)}</title>\n"
        f'<rect x="{-MARGIN:.0f}" y="{-MARGIN - 1.5 * LINE:.0f}" width="{width:.0f}"'
        f' height="{height:.0f}" fill="#ffffff"/>\n'
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7"'
        f' markerHeight="7" orient="auto-start-reverse"><path d="M0,0L10,5L0,10z" fill="{GREY}"/>'
        f"</marker></defs>\n{title}\n{drawn}\n</svg>\n"
    )


def _lines(box: Box) -> Iterator[tuple[str, str]]:
    """Each line, and how it is written: head, body, stores, figures or lost."""
    if box.kind == "end":
        yield "end", "head"
        return
    if box.kind != "begin":
        yield f"{box.kind}  {box.name}".strip(), "head"
    wrapped = [
        part
        for line in box.lines
        for part in textwrap.wrap(line, WIDEST, break_long_words=True) or [""]
    ]
    if len(wrapped) > MOST_LINES:
        wrapped = [*wrapped[: MOST_LINES - 1], "…"]
    yield from ((line, "body") for line in wrapped)
    if box.stores:
        yield f"→ {box.stores}", "stores"
    if box.kind == "begin" and not box.lines:
        yield "called by other flows", "body"
    if box.figures is not None:
        yield from ((line, "figures") for line in box.figures.lines)
        if box.figures.lost:
            yield box.figures.lost, "lost"


def _size(box: Box, lines: Sequence[tuple[str, str]]) -> Size:
    letters = max((len(text) * (1.06 if how == "head" else 1.0) for text, how in lines), default=1)
    width = max(70.0, letters * LETTER + 2 * PAD)
    if box.kind in _WIDER:
        width += 2 * PAD
    if box.waits:  # for the two bars, left of what is written
        width += 2 * PAD
    bar = BAR + 6 if box.figures is not None else 0.0
    return Size(width, len(lines) * LINE + PAD + bar)


def _box(box: Box, lines: Sequence[tuple[str, str]], at: Place, size: Size) -> Iterator[str]:
    ink = RED if box.lost else GREY
    style = (
        f'fill="{FILL.get(box.kind, "#f4f5f6")}" stroke="{ink}"'
        f' stroke-width="{2.5 if box.waits or box.lost else 1.2}"'
    )
    yield f'<g class="{box.kind}">'
    yield _shape(box.kind, at, size, style)
    if box.kind in _DOUBLE:
        for x in (at.x + 7, at.x + size.width - 7):
            yield f'<path d="M{x:.1f},{at.y:.1f}v{size.height:.1f}" stroke="{ink}"/>'
    middle = at.x + size.width / 2
    way = _way(" ".join(box.lines))
    for number, (text, how) in enumerate(lines):
        y = at.y + PAD / 2 + LINE * number + 13
        weight = "bold" if how == "head" else "normal"
        colour = RED if box.lost else _COLOURS.get(how, INK)
        yield _text(text, middle, y, weight=weight, colour=colour, way=way if how == "body" else "")
    if box.figures is not None:
        yield from _bar(box.figures, at, size)
    if box.waits:  # two bars, as on a player
        x = at.x + (17 if box.kind in _ROUND | _LEANING | _FOR_STAFF else 9)
        yield f'<path d="M{x:.1f},{at.y + 8:.1f}v9m5,-9v9" stroke="{ink}" stroke-width="3"/>'
    yield "</g>"


def _bar(figures: Figures, at: Place, size: Size) -> Iterator[str]:
    """All who came anywhere, those who came here, and in red those of them who were lost."""
    left, top, whole = at.x + 2 * PAD, at.y + size.height - BAR - 6, size.width - 4 * PAD
    here = whole * figures.share
    for width, x, colour in (
        (whole, left, "#d9dee3"),
        (here, left, BLUE),
        (here * figures.lost_share, left + here * (1 - figures.lost_share), RED),
    ):
        if width:
            yield (
                f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{BAR:g}"'
                f' fill="{colour}"/>'
            )


def _shape(kind: str, at: Place, size: Size, style: str) -> str:
    x, y, w, h = at.x, at.y, size.width, size.height
    corners: list[tuple[float, float]] = []
    if kind in _POINTED:
        corners = [
            (x + PAD, y), (x + w - PAD, y), (x + w, y + h / 2),
            (x + w - PAD, y + h), (x + PAD, y + h), (x, y + h / 2),
        ]  # fmt: skip
    elif kind in _LEANING:
        corners = [(x + PAD, y), (x + w, y), (x + w - PAD, y + h), (x, y + h)]
    elif kind in _FOR_STAFF:
        corners = [(x + PAD, y), (x + w - PAD, y), (x + w, y + h), (x, y + h)]
    elif kind in _SHEETS:
        corners = [(x, y), (x + w - 10, y), (x + w, y + 10), (x + w, y + h), (x, y + h)]
    if corners:
        return f'<polygon points="{_points(corners)}" {style}/>'
    radius = size.height / 2 if kind in _ROUND else 2 if kind in _DOUBLE else 7
    return (
        f'<rect x="{at.x:.1f}" y="{at.y:.1f}" width="{size.width:.1f}"'
        f' height="{size.height:.1f}" rx="{min(radius, 22):.1f}" {style}/>'
    )


def _arrows(outline: Outline, layout: Layout) -> Iterator[str]:
    lost = {box.id for box in outline.boxes if box.lost}
    for arrow, path in zip(outline.arrows, layout.paths, strict=True):
        colour = RED if arrow.source in lost else GREY
        yield (
            f'<path d="{_curve(path)}" fill="none" stroke="{colour}" stroke-width="1.3"'
            ' marker-end="url(#tip)"/>'
        )


def _curve(path: Sequence[tuple[float, float]]) -> str:
    """A line that leaves and reaches boxes upright."""
    (x, y), *rest = path
    drawn = [f"M{x:.1f},{y:.1f}"]
    for to_x, to_y in rest:
        half = (to_y - y) / 2
        drawn.append(f"C{x:.1f},{y + half:.1f} {to_x:.1f},{to_y - half:.1f} {to_x:.1f},{to_y:.1f}")
        x, y = to_x, to_y
    return "".join(drawn)


def _labels(outline: Outline, layout: Layout) -> Iterator[str]:
    """Beside the beginning of an arrow, over everything else, on white."""
    taken: list[tuple[float, float]] = []
    for arrow, path in zip(outline.arrows, layout.paths, strict=True):
        if not arrow.told:
            continue
        (x, y), (to_x, to_y) = path[0], path[1]
        x, y = x + (to_x - x) * 0.3, y + (to_y - y) * 0.35 + 4
        while any(abs(x - a) < 60 and abs(y - b) < 13 for a, b in taken):
            y += 14
        taken.append((x, y))
        width = len(arrow.told) * 6.2 + 6
        yield (
            f'<rect x="{x - width / 2:.1f}" y="{y - 11:.1f}" width="{width:.1f}" height="15"'
            ' fill="#ffffff" fill-opacity="0.85"/>'
        )
        yield _text(arrow.told, x, y, size=11, colour=GREY)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _text(
    text: str, x: float, y: float, *, size: int = 13, weight: str = "normal", colour: str = INK,
    anchor: str = "middle", way: str | None = None,
) -> str:  # fmt: skip
    """One line; without a way it runs as its own letters say."""
    way = _way(text) if way is None else way
    if way:  # a viewer that does not know `direction` shows the signs at its ends right, too
        text = f"{_FROM_THE_RIGHT}{text}{_FROM_THE_RIGHT}"
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}"'
        f' text-anchor="{anchor}"{way}>{escape(text)}</text>'
    )


def _way(text: str) -> str:
    """The attribute of a text that runs from the right, else nothing: by the first strong letter
    outside of isolates, as rule P2 of UAX 9 has it."""
    depth = 0
    for letter in text:
        match unicodedata.bidirectional(letter):
            case "LRI" | "RLI" | "FSI":
                depth += 1
            case "PDI":
                depth -= 1
            case "L" if depth == 0:
                return ""
            case "R" | "AL" if depth == 0:
                return ' direction="rtl"'
    return ""
