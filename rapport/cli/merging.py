"""`rapport customers merge` and what belongs to it: who is known twice, and making one of two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.confirming import YesOption, confirm
from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.output import Format, FormatOption, Limit, print_json, print_rows
from rapport.cli.tasks import ByOption

if TYPE_CHECKING:
    from crm.services.duplicates import Alike, By
    from crm.services.merging import Preview

Reference = Annotated[str, typer.Argument(help="7, a phone, an email, telegram:ID, chat:NAME")]


def duplicates(
    by: Annotated[str, typer.Option("--by", help="phone, email, name")] = "phone,email,name",
    likeness: Annotated[
        int, typer.Option(min=50, max=100, help="of names, of 100: 90 is a slip or two")
    ] = 90,
    limit: Limit = 100,
    form: FormatOption = Format.TABLE,
) -> None:
    """Customers who may be one person, the surest first."""
    from crm.services.duplicates import find_duplicates
    from rapport.cli.store import open_store

    ways = _ways(by)
    with open_store() as store:
        found = find_duplicates(store.db, store.business_id, ways, likeness, limit)
    columns = ("by", "value", "likeness", "customers")
    rows = [_plain(one) for one in found]
    if form is Format.JSON:
        print_json(rows)
        return
    told = [
        row | {"customers": [f"{one['display_name']} (id:{one['id']})" for one in row["customers"]]}
        for row in rows
    ]
    print_rows(told, columns, form, "nobody is known twice")


def merge(
    source: Reference,
    target: Reference,
    take: Annotated[
        list[str] | None,
        typer.Option("--take", help="email=source: whose value of a field; else the target's"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would happen")] = False,
    yes: YesOption = False,
    by: ByOption = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Make SOURCE and TARGET one customer, who is TARGET from then on."""
    from msgspec.structs import asdict

    from crm.services import merging
    from crm.services.find import resolve
    from rapport.cli.store import open_store
    from rapport.cli.tasks import cause_of
    from rapport.runtime.clock import SystemClock

    choices: dict[str, Any] = dict(_choice(one) for one in take or ())
    with open_store() as store:
        country = store.business.country
        giver, taker = (
            resolve(store.db, store.business_id, one, country) for one in (source, target)
        )
        at = (store.db, store.business_id, store.business)
        seen = merging.preview_merge(*at, giver, taker, choices)
        if form is Format.JSON and dry_run:
            print_json({**asdict(seen), "fields": [asdict(one) for one in seen.fields]})
        if form is not Format.JSON:
            _show(seen)
        if dry_run:
            return
        confirm(f"{seen.source} (id:{seen.source_id}) is archived and leads to the other", yes)
        cause = cause_of(by, store.business)
        made = merging.merge(*at, giver, taker, cause, SystemClock().now(), choices)
    if form is Format.JSON:
        print_json({"merge": made, "source": giver, "target": taker})
    else:
        print(f"merge {made}: to undo it, rapport customers unmerge {made}")


def merges(limit: Limit = 100, form: FormatOption = Format.TABLE) -> None:
    """Merges that were made, the newest first."""
    from msgspec.structs import asdict

    from crm.services.merging import list_merges
    from engine.fields.plain import to_plain
    from rapport.cli.store import open_store

    with open_store() as store:
        rows = [to_plain(asdict(one)) for one in list_merges(store.db, store.business_id, limit)]
    columns = ("id", "source_id", "target_id", "at", "by", "undone_at", "can_be_undone")
    print_rows(rows, columns, form, "nobody was merged")


def unmerge(
    number: Annotated[int, typer.Argument(metavar="N", help="of the merge, as `merges` lists it")],
    by: ByOption = "",
) -> None:
    """Make two customers again of one; what came after the merge stays with the target."""
    from crm.services.merging import undo_merge
    from rapport.cli.store import open_store
    from rapport.cli.tasks import cause_of
    from rapport.runtime.clock import SystemClock

    with open_store() as store:
        cause = cause_of(by, store.business)
        now = SystemClock().now()
        undo_merge(store.db, store.business_id, store.business, number, cause, now)
    print(f"the merge {number} is undone")


def erase(
    reference: Reference,
    yes: YesOption = False,
    by: ByOption = "",
) -> None:
    """Forget a person for ever: fields, messages, history, files. An anonymous row stays."""
    from crm.services.erasing import erase_customer
    from crm.services.find import resolve
    from crm.services.show import show_customer
    from rapport.attachments import Files
    from rapport.cli.store import open_store
    from rapport.cli.tasks import cause_of
    from rapport.runtime.clock import SystemClock
    from rapport.settings import read_settings

    with open_store() as store:
        found = resolve(store.db, store.business_id, reference, store.business.country)
        name = show_customer(store.db, store.business_id, found)["display_name"]
        confirm(f"{name} (id:{found}) is erased and cannot be brought back", yes, str(found))
        cause = cause_of(by, store.business)
        gone = erase_customer(store.db, store.business_id, found, cause, SystemClock().now())
        business_id = store.business_id
    files = Files(read_settings().files, business_id)
    for key in gone:
        files.remove(key)
    print(f"customer {found} is erased")


def _ways(written: str) -> list[By]:
    from crm.services.duplicates import ALL

    ways = [way.strip() for way in written.split(",") if way.strip()]
    unknown = [way for way in ways if way not in ALL]
    if unknown or not ways:
        raise Refusal(f"--by is some of {', '.join(ALL)}", WRONG_USE)
    return ways  # type: ignore[return-value]  # looked at just now


def _choice(written: str) -> tuple[str, str]:
    key, sign, side = written.partition("=")
    if not sign or side not in ("source", "target"):
        raise Refusal(f"--take is FIELD=source or FIELD=target, not '{written}'", WRONG_USE)
    return key.strip(), side


def _plain(one: Alike) -> dict[str, Any]:
    return {
        "by": one.by,
        "value": one.value,
        "likeness": one.likeness,
        "customers": [
            {"id": match.customer_id, "display_name": match.display_name} for match in one.customers
        ],
    }


def _show(seen: Preview) -> None:
    """The fields in which the two differ, and what moves."""
    rows = [
        {
            "field": one.field,
            f"source {seen.source_id}": one.source,
            f"target {seen.target_id}": one.target,
            "taken": one.taken,
        }
        for one in seen.fields
    ]
    columns = ("field", f"source {seen.source_id}", f"target {seen.target_id}", "taken")
    print_rows(rows, columns, Format.TABLE, "they differ in no field")
    moves = ", ".join(f"{count} {table}" for table, count in seen.moves.items())
    print(f"moves: {moves or 'nothing'}")
    if seen.ends:
        print(f"ends: {', '.join(seen.ends)}, for the target's own goes on")
