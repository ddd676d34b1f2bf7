"""Days as bars: how much is sent, held and skipped on each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rapport.pictures.svg import BLUE, FONT, GREY, INK, MARGIN, RED

_COLOURS = {"send": BLUE, "hold": GREY, "skip": RED}
_HEIGHT, _WIDTH, _GAP, _LEGEND = 240.0, 18.0, 4.0, 40.0
"""Pixels: the highest bar, a bar's width, the room between two, and the words below."""


def bars(days: Sequence[Mapping[str, Any]]) -> str:
    """An SVG of a bar for each day: its decisions stand on one another. days: as
    `rapport.simulating.by_day` gives them."""
    most = max((sum(day[name] for name in _COLOURS) for day in days), default=0)
    width = 2 * MARGIN + max(360.0, len(days) * (_WIDTH + _GAP))
    height = 2 * MARGIN + _HEIGHT + _LEGEND
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"'
    lines = [
        f'{head} font-family="{FONT}" font-size="12" fill="{INK}">',
        f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
    ]
    for place, day in enumerate(days):
        lines += _bar(MARGIN + place * (_WIDTH + _GAP), day, most)
    lines += _legend(days, most)
    return "\n".join([*lines, "</svg>", ""])


def _bar(left: float, day: Mapping[str, Any], most: int) -> Iterator[str]:
    bottom = MARGIN + _HEIGHT
    for name, colour in _COLOURS.items():
        tall = _HEIGHT * day[name] / most if most else 0
        bottom -= tall
        if tall:
            yield (
                f'<rect x="{left:g}" y="{bottom:.1f}" width="{_WIDTH:g}" height="{tall:.1f}" '
                f'fill="{colour}"><title>{day["day"]}: {day[name]} {name}</title></rect>'
            )


def _legend(days: Sequence[Mapping[str, Any]], most: int) -> Iterator[str]:
    below = MARGIN + _HEIGHT + 18
    span = f"{days[0]['day']} to {days[-1]['day']}, at most {most} a day" if days else "nothing"
    yield f'<text x="{MARGIN:g}" y="{below:g}">{span}</text>'
    for place, (name, colour) in enumerate(_COLOURS.items()):
        total = sum(day[name] for day in days)
        yield (
            f'<text x="{MARGIN + 110 * place:g}" y="{below + 18:g}" fill="{colour}">'
            f"{name}: {total}</text>"
        )
