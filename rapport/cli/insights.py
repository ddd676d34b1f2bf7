"""`rapport insights`, `reports` and `audit`: what to do, how it goes, and who looked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.output import Format, FormatOption, Limit, print_json, print_rows

if TYPE_CHECKING:
    from crm.services.insights import Kind

CustomerOption = Annotated[
    str, typer.Option("--customer", help="7, a phone, an email, telegram:ID, chat:NAME")
]


def insights(
    kind: Annotated[
        str, typer.Option(help="some of birthday_soon, high_value_opportunity ...")
    ] = "",
    customer: CustomerOption = "",
    limit: Limit = 100,
    form: FormatOption = Format.TABLE,
) -> None:
    """What is worth doing about customers, and why."""
    from msgspec.structs import asdict

    from crm.services.find import resolve
    from crm.services.insights import list_insights
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    kinds = _kinds(kind)
    with open_store() as store:
        at = (store.db, store.business_id)
        who = resolve(*at, customer, store.business.country) if customer else None
        now = SystemClock().now()
        found = list_insights(*at, store.business, now, kinds=kinds, customer_id=who, limit=limit)
    columns = ("customer_id", "display_name", "kind", "reason", "action")
    print_rows([asdict(one) for one in found], columns, form, "nothing stands out")


def reports(form: FormatOption = Format.TABLE) -> None:
    """The business in numbers."""
    from msgspec.structs import asdict

    from crm.services.reports import business_report
    from engine.fields.plain import to_plain
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    with open_store() as store:
        now = SystemClock().now()
        report = business_report(store.db, store.business_id, store.business, now)
    told = asdict(report)
    told["top_referrers"] = [asdict(one) for one in report.top_referrers]
    plain = to_plain(told)
    if form is Format.JSON:
        print_json(plain)
        return
    rows = [line for name, value in plain.items() for line in _lines(name, value)]
    print_rows(rows, ("name", "value"), form, "")


def audit(
    by: Annotated[str, typer.Option("--by", help="who, as it is written: staff:Ali, cli")] = "",
    customer: CustomerOption = "",
    what: Annotated[str, typer.Option(help="merged, erased, list_queried ...")] = "",
    high: Annotated[bool, typer.Option("--high", help="what is sensitive alone")] = False,
    limit: Limit = 100,
    form: FormatOption = Format.TABLE,
) -> None:
    """Who did or looked at what, the newest first."""
    from msgspec.structs import asdict

    from crm.services.auditing import HIGH, list_audit
    from crm.services.find import resolve
    from engine.fields.plain import to_plain
    from rapport.cli.store import open_store

    with open_store() as store:
        at = (store.db, store.business_id)
        who = resolve(*at, customer, store.business.country) if customer else None
        found = list_audit(
            *at, by=by, customer_id=who, what=what, sensitivity=HIGH if high else None, limit=limit
        )
    columns = ("at", "by", "what", "customer_id", "sensitivity", "data")
    print_rows([to_plain(asdict(one)) for one in found], columns, form, "nothing was done")


def _kinds(written: str) -> tuple[Kind, ...]:
    from crm.services.insights import KINDS

    chosen = tuple(one.strip() for one in written.split(",") if one.strip())
    if set(chosen) - set(KINDS):
        raise Refusal(f"--kind is some of {', '.join(KINDS)}", WRONG_USE)
    return chosen or KINDS  # type: ignore[return-value]  # looked at just now


def _lines(name: str, value: Any) -> list[dict[str, Any]]:
    """A line for a number, and one for each of what is counted apart; no heat map in a table."""
    if isinstance(value, dict):
        return [{"name": f"{name}.{key}", "value": item} for key, item in value.items()]
    if name == "trend":
        return [{"name": f"new on {day}", "value": many} for day, many in value if many]
    if isinstance(value, list):
        return []
    return [{"name": name, "value": value}]
