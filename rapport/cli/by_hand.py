"""`rapport customers purchase`, `interaction` and `followups`: what people record by hand."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rapport.cli.output import Format, FormatOption, Limit, print_rows
from rapport.cli.tasks import ByOption

Whom = Annotated[str, typer.Argument(metavar="REF", help="7, a phone, an email, telegram:ID")]


def purchase(
    reference: Whom,
    amount: Annotated[str, typer.Argument(help="12.50")],
    number: Annotated[str, typer.Option(help="the invoice's: one twice changes nothing")] = "",
    status: Annotated[str, typer.Option(help="draft, paid, refunded or void")] = "paid",
    currency: Annotated[str, typer.Option(help="EUR; else the customer's")] = "",
    date: Annotated[str, typer.Option(help="2026-03-21; else today")] = "",
    by: ByOption = "",
) -> None:  # fmt: skip
    """Record what somebody bought."""
    from crm.services.purchases import record_purchase

    given = {
        "amount": amount, "number": number, "status": status, "currency": currency, "date": date,
    }  # fmt: skip
    made = _record(record_purchase, reference, given, by)
    print(f"purchase {made.id}" + ("" if made.is_new else " was there already"))


def interaction(
    reference: Whom,
    kind: Annotated[str, typer.Argument(help="call, email, chat, visit, sms or whatsapp")],
    subject: Annotated[str, typer.Option(help="what it was about")] = "",
    notes: Annotated[str, typer.Option(help="more about it")] = "",
    outcome: Annotated[str, typer.Option(help="what came of it")] = "",
    direction: Annotated[str, typer.Option(help="inbound or outbound")] = "",
    minutes: Annotated[str, typer.Option(help="how long it took")] = "",
    follow_up: Annotated[str, typer.Option("--follow-up", help="2026-03-21: come back then")] = "",
    by: ByOption = "",
) -> None:
    """Record a call, a visit and the like."""
    from crm.services.interactions import record_interaction

    given = {
        "kind": kind, "subject": subject, "notes": notes, "outcome": outcome,
        "direction": direction, "duration_minutes": minutes, "follow_up_date": follow_up,
    }  # fmt: skip
    print(f"interaction {_record(record_interaction, reference, given, by)}")


def followups(
    ahead: Annotated[int, typer.Option("--days", min=0, help="those of the next days too")] = 0,
    assigned: Annotated[str, typer.Option(help="a name of the staff")] = "",
    limit: Limit = 100,
    form: FormatOption = Format.TABLE,
) -> None:
    """Customers whom somebody is to come back to, soonest first."""
    from datetime import timedelta

    from msgspec.structs import asdict

    from crm.services.interactions import due_follow_ups
    from engine.fields.plain import to_plain
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    until = SystemClock().now() + timedelta(days=min(ahead, 36_500))
    with open_store() as store:
        due = due_follow_ups(store.db, store.business_id, until, assigned_to=assigned, limit=limit)
    columns = ("customer_id", "display_name", "assigned_to", "due_at")
    print_rows([to_plain(asdict(one)) for one in due], columns, form, "nobody waits")


def _record(service: Any, reference: str, given: dict[str, str], by: str) -> Any:
    from crm.services.find import resolve
    from rapport.cli.store import open_store
    from rapport.cli.tasks import cause_of
    from rapport.runtime.clock import SystemClock

    with open_store() as store:
        found = resolve(store.db, store.business_id, reference, store.business.country)
        values = {key: value for key, value in given.items() if value}
        cause = cause_of(by, store.business)
        now = SystemClock().now()
        return service(store.db, store.business_id, store.business, found, values, cause, now)
