"""`rapport simulate`: what triggers would send to whom in a span of time."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.output import Format, FormatOption, print_json, print_rows, say

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from engine.business import Business
    from rapport.runtime.library import Library

COLUMNS = ("at", "customer", "flow", "trigger", "occurrence", "decision", "reason")

SHOWN = 200
"""Decisions in a table; days and reasons are counted over all."""


From = Annotated[
    str,
    typer.Option("--from", metavar="T", help="2026-03-01, 2026-03-01T10:00, with a zone or not"),
]
Until = Annotated[str, typer.Option("--until", metavar="T", help="a day is included whole")]
Flows = Annotated[
    Path | None, typer.Option("--flows", help="the project in this folder, not the applied one")
]
Most = Annotated[int | None, typer.Option("--customers", min=1, help="only the first so many")]
Segment = Annotated[str, typer.Option("--segment", help="only who is in it now")]
Picture = Annotated[
    Path | None, typer.Option("--picture", metavar="FILE.svg", help="bars for each day")
]


def simulate(
    begin: From,
    until: Until,
    flows: Flows = None,
    customers: Most = None,
    segment: Segment = "",
    picture: Picture = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Let time pass on a copy of the business: what would be sent, held and skipped, and why.

    The real engine on today's customers, who stay silent. Nothing is changed or sent.
    """
    from rapport.cli.store import open_sight
    from rapport.rehearsal import copied, silence
    from rapport.simulating import simulate as let_pass

    silence()
    with open_sight() as sight:
        first = _moment(begin, "--from", sight.business, is_end=False)
        last = _moment(until, "--until", sight.business, is_end=True)
        if last <= first:
            raise Refusal("--until is not after --from", WRONG_USE)

        def look(db: Connection) -> list[dict[str, Any]]:
            whom = _whom(db, sight.business_id, customers, segment)
            with copied(db, sight.business_id, whom) as copy:
                library = _library(copy, sight.business_id, flows, first)
                return let_pass(copy, library, first, last)

        rows = sight.read(look)
    if picture is not None:
        _draw(rows, sight.business.timezone, picture)
    if form is Format.JSON:
        print_json(rows)
        return
    shown = rows if form is Format.CSV else rows[:SHOWN]
    print_rows(shown, COLUMNS, form, "nothing would be sent, held or skipped")
    if form is Format.TABLE and rows:
        _sum_up(rows, sight.business.timezone)


def _sum_up(rows: list[dict[str, Any]], zone: str) -> None:
    from rapport.simulating import by_day, by_reason

    if len(rows) > SHOWN:
        print(f"and {len(rows) - SHOWN} more: --format csv has all")
    days = ("day", "send", "hold", "skip", "get_several")
    print_rows(by_day(rows, zone), days, Format.TABLE, "")
    why = ("flow", "decision", "reason", "times")
    print_rows(by_reason(rows), why, Format.TABLE, "all would be sent at once")


def _moment(text: str, option: str, business: Business, *, is_end: bool) -> datetime:
    """Without a zone it is the business's; of a day its begin, or as the end the next one's."""
    from datetime import UTC, timedelta

    from engine.local_time import instant
    from engine.scope import known_zone

    try:
        if len(text) == len("2026-03-01"):
            day = date.fromisoformat(text) + timedelta(days=int(is_end))
            return instant(datetime.combine(day, time()), known_zone(business.timezone))
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise Refusal(
            f"{option}: '{text}' is no time such as 2026-03-01T10:00", WRONG_USE
        ) from None
    if moment.tzinfo is None:
        return instant(moment, known_zone(business.timezone))
    return moment.astimezone(UTC)


def _whom(db: Connection, business_id: int, most: int | None, segment_key: str) -> list[int] | None:
    """The customers to look at; None for all."""
    from sqlalchemy import select

    from crm.services.segment_book import show_segment
    from crm.tables import customer, segment, segment_member

    if most is None and not segment_key:
        return None
    query = select(customer.c.id).where(
        customer.c.business_id == business_id, customer.c.archived_at.is_(None)
    )
    if segment_key:
        show_segment(db, business_id, segment_key)  # raises NotFound
        query = (
            query.join(segment_member, segment_member.c.customer_id == customer.c.id)
            .join(segment, segment.c.id == segment_member.c.segment_id)
            .where(segment.c.business_id == business_id, segment.c.key == segment_key)
        )
    return [row[0] for row in db.execute(query.order_by(customer.c.id).limit(most))]


def _library(copy: Engine, business_id: int, flows: Path | None, now: datetime) -> Library:
    from rapport.build import apply_loaded, stored_library
    from rapport.cli.applying import require_sound
    from rapport.project import find_project

    with copy.begin() as db:
        if flows is None:
            return stored_library(db, business_id)
        loaded = require_sound(find_project(flows))
        library = apply_loaded(db, loaded, now).library
    if library.business_id != business_id:
        raise Refusal(f"{flows} is the project of another business", WRONG_USE)
    return library


def _draw(rows: list[dict[str, Any]], zone: str, file: Path) -> None:
    from rapport.files import replace_file
    from rapport.pictures.days import bars
    from rapport.simulating import by_day

    replace_file(file, bars(by_day(rows, zone)).encode())
    say(f"drawn to {file}")
