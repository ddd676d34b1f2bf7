"""How `rapport top` lays its glance out: a few lines, then a table for each thing there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rapport.cli.output import cell, to_the_second
from rapport.printable import printable

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table


def tables_of(look: Mapping[str, Any]) -> Group:
    """Everything of one glance."""
    from rich.console import Group

    parts = [_rows("", (), _lines(look))]
    parts += [
        _rows(title, columns, [[_shown(one, name) for name in columns] for one in look[title]])
        for title, columns in _LISTS.items()
        if look[title]
    ]
    return Group(*parts)


_LISTS: Mapping[str, Sequence[str]] = {
    "alarms": ("alarm", "about", "reason", "since", "staff_told"),
    "outbox": ("account", "lane", "pending", "lag_seconds"),
    "leases": ("lease", "owner", "epoch", "seconds_left"),
}
"""The lists of a glance that become tables, with their columns."""


def _shown(one: Mapping[str, Any], name: str) -> Any:
    """A value of a row. A lease that was given back has no owner, and no end."""
    if one.get("owner") == "":
        return {**one, "owner": "nobody", "seconds_left": None}[name]
    return one.get(name)


def _lines(look: Mapping[str, Any]) -> list[tuple[str, str]]:
    mail, dead, timers = look["mail"], look["dead"], look["timers"]
    runs = f", {look['runs']} at work" if look["runs"] else ""
    return [
        (look["business"], f"{to_the_second(look['at'])}, the database {look['database']}{runs}"),
        ("per second", _counts(look["per_second"] or {})),
        ("mail", f"{mail['waiting']} waiting{_oldest(mail['oldest_seconds'])}"),
        ("conversations", f"{mail['ready']} ready, {mail['held']} held after a failure"),
        ("timers", f"{timers['due']} due, the next {_moment(timers['next_at']) or 'none'}"),
        ("requests", _requests(look["requests"])),
        ("dead letters", f"{dead['mail']} in, {dead['outbox']} out"),
        ("redis", look["redis"]),
        ("last error", look["last_error"] or "none"),
    ]


def _requests(requests: Mapping[str, Any]) -> str:
    late = requests["late_seconds"]
    return f"{requests['pending']} to be answered{f', the first {late:g} s late' if late else ''}"


def _moment(value: Any) -> str:
    return to_the_second(cell(value))


def _counts(counts: Mapping[str, float]) -> str:
    return ", ".join(f"{count:g} {name}" for name, count in counts.items())


def _oldest(seconds: float | None) -> str:
    return "" if seconds is None else f", the oldest for {seconds:g} s"


def _rows(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False,
        show_header=bool(columns), header_style="bold",
    )  # fmt: skip
    for name in columns:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        # Text: what an error quotes is never markup, nor does a terminal obey it.
        table.add_row(*(Text(printable(_moment(value))) for value in row))
    return table
