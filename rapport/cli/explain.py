"""`rapport explain`: why somebody got what a flow says, or did not."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rapport.cli.output import Format, FormatOption, print_json, print_rows

COLUMNS = ("at", "flow", "trigger", "occurrence", "decision", "reason", "rules")

_MARKS = {True: "yes", False: "NO", None: "not asked"}


def explain(
    reference: Annotated[str, typer.Argument(metavar="REF", help="7, a phone, telegram:ID")],
    flow: Annotated[str, typer.Option("--flow", metavar="KEY", help="of this flow only")] = "",
    trigger: Annotated[
        str, typer.Option("--trigger", metavar="ID", help="of this trigger only: flow/ID")
    ] = "",
    campaign: Annotated[
        str, typer.Option("--campaign", metavar="KEY", help="of this campaign only")
    ] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Why a customer got what a flow says, or did not, with the rules that were looked at; and
    what would be decided when each of its triggers comes next. Nothing is changed or sent."""
    from crm.services.find import resolve
    from engine.campaign import PREFIX
    from rapport.build import stored_library
    from rapport.cli.store import open_sight
    from rapport.explaining import Wanted, decided, foreseen, require_known
    from rapport.rehearsal import copied, silence
    from rapport.runtime.clock import SystemClock

    silence()
    with open_sight() as sight:

        def look(db: Any) -> list[dict[str, Any]]:
            business_id = sight.business_id
            customer_id = resolve(db, business_id, reference, sight.business.country)
            wanted = Wanted(customer_id, flow, f"{PREFIX}{campaign}" if campaign else trigger)
            rows = decided(db, business_id, wanted)
            with copied(db, business_id, [customer_id]) as copy:
                with copy.connect() as there:
                    library = stored_library(there, business_id)
                require_known(library, wanted)
                rows += foreseen(copy, library, wanted, SystemClock().now())
            return rows

        rows = sight.read(look)
    if form is Format.JSON:
        print_json(rows)
        return
    shown = [row | {"rules": _in_words(row)} for row in rows]
    print_rows(shown, COLUMNS, form, "nothing was decided, and no trigger would start anything")


def _in_words(row: dict[str, Any]) -> str:
    """The rules on one line: those with a value, and the one that decided."""
    told = []
    for rule in row["rules"]:
        if rule["holds"] is not False and rule["value"] in (None, "", []):
            continue
        value = "" if rule["value"] in (None, "", []) else f" ({_text(rule['value'])})"
        told.append(f"{rule['rule']}: {_MARKS[rule['holds']]}{value}")
    when = "if it came: " if row["forecast"] else ""
    return when + "; ".join(told)


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
