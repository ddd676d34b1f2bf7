"""`rapport customers`: looking them up, and the commands of the modules beside this one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli import bulk, by_hand, merging
from rapport.cli.exporting import export
from rapport.cli.failing import FOUND_PROBLEMS, WRONG_USE, Refusal
from rapport.cli.importing import import_
from rapport.cli.output import (
    Format,
    FormatOption,
    Limit,
    cell,
    print_json,
    print_rows,
    say,
    to_the_minute,
)

if TYPE_CHECKING:
    from crm.errors import CrmError, Match
    from crm.services.notes import File
    from engine.business import Business
    from engine.criteria import Criterion
    from rapport.cli.store import Store

group = typer.Typer(
    name="customers",
    help="Customers: who they are, who is known twice, files of them.",
    rich_markup_mode=None,
)

for _command in (
    merging.duplicates, merging.merge, merging.merges, merging.unmerge, merging.erase,
    by_hand.purchase, by_hand.interaction, by_hand.followups,
):  # fmt: skip
    group.command()(_command)
group.command("import")(import_)
group.command()(export)

group.add_typer(bulk.group)

COLUMNS = ("id", "display_name", "phone_number", "email", "status", "crm_score", "last_message_at")


@group.command("list")
def list_(
    where: Annotated[
        str, typer.Option("--where", help="criteria as JSON or YAML: 'crm_score__gte: 80'")
    ] = "",
    sort: Annotated[str, typer.Option("--sort", help="a field, with - the greatest first")] = "-id",
    limit: Limit = 100,
    after: Annotated[
        str, typer.Option("--after", help="the next page, as the last one names it")
    ] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Customers that fit criteria."""
    from crm.errors import UnknownField, WrongCursor
    from crm.services.fields import stored_columns
    from crm.services.listing import View, page_of, total_of
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    with open_store() as store:
        criterion = read_criteria(where, store.business) if where else None
        names = stored_columns(store.db, store.business_id, store.business)
        view = View(store.business_id, store.business, SystemClock().now(), criterion)
        try:
            page = page_of(store.db, view, sort, limit, after or None, tuple({"id": "", **names}))
        except (UnknownField, WrongCursor) as error:
            raise Refusal(str(error), WRONG_USE) from None
        total = total_of(store.db, view) if page.next else None
        mapped = [name for name in names if not store.business.fields[name].base]
    shown = [_nested(row, mapped) for row in page.rows]
    print_rows(shown, COLUMNS, form, "no customers")
    if page.next and form is Format.TABLE:
        say(f"{len(shown)} of {total}; the next page: --after {page.next}")


@group.command()
def show(
    reference: Annotated[
        str, typer.Argument(metavar="REF", help="7, a phone, an email, telegram:ID, chat:NAME")
    ],
    by: Annotated[
        str, typer.Option("--by", help="who looks, a name of the staff: sensitive fields may hide")
    ] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Everything known of one customer. Who sees sensitive fields is in the audit log."""
    from crm.errors import Ambiguous, CrmError
    from crm.services.find import resolve
    from crm.services.show import show_as_of
    from engine.staff import person_called
    from rapport.cli.store import open_store
    from rapport.cli.tasks import cause_of
    from rapport.runtime.clock import SystemClock

    with open_store() as store:
        try:
            found = resolve(store.db, store.business_id, reference, store.business.country)
            looks = person_called(store.business, by) if by else None
            at = (store.db, store.business_id, store.business)
            customer = show_as_of(*at, found, SystemClock().now(), looks)
            _note_look(store, found, customer, cause_of(by, store.business).by)
        except Ambiguous as error:
            _refuse(error, form, matches=_rows_of(error.matches))
        except CrmError as error:
            _refuse(error, form)
    if form is Format.JSON:
        print_json(customer)
    else:
        print_rows(_flat(customer), ("name", "value"), form, "")


@group.command()
def find(
    text: Annotated[str, typer.Argument(help="a name, phone, email, company or id")],
    limit: Limit = 25,
    form: FormatOption = Format.TABLE,
) -> None:
    """Customers that are like a text, best first."""
    from crm.services.find import find as find_like
    from rapport.cli.store import open_store

    with open_store() as store:
        found = find_like(store.db, store.business_id, text, store.business.country, limit)
    print_rows(_rows_of(found), ("id", "display_name"), form, f"nobody is like '{text}'")
    if not found:
        raise typer.Exit(FOUND_PROBLEMS)


@group.command()
def note(
    reference: Annotated[str, typer.Argument(metavar="REF", help="whom it is about")],
    text: Annotated[str, typer.Argument(help="what it says; @Ali mentions one of the staff")],
    attach: Annotated[list[Path] | None, typer.Option("--attach", help="a file beside it")] = None,
    pin: Annotated[bool, typer.Option("--pin", help="it stands before the others")] = False,
    private: Annotated[bool, typer.Option("--private", help="its author's and admins'")] = False,
    by: Annotated[str, typer.Option("--by", help="who writes it, a name of the staff")] = "",
) -> None:
    """Leave a note about a customer."""
    from crm.services import notes
    from crm.services.find import resolve
    from rapport.cli.store import open_store
    from rapport.cli.tasks import cause_of
    from rapport.runtime.clock import SystemClock

    now = SystemClock().now()
    with open_store() as store:
        at = (store.db, store.business_id, store.business)
        found = resolve(store.db, store.business_id, reference, store.business.country)
        given = {"text": text, "pinned": pin, "private": private}
        cause = cause_of(by, store.business)
        made = notes.add_note(*at, found, given, cause, now)
        for path in attach or ():
            file = _kept(path, store.business_id, notes.LARGEST_FILE)
            notes.attach(*at, made, file, cause, now)
    print(f"note {made}")


def _kept(path: Path, business_id: int, most: int) -> File:
    """A file of this machine, kept beside the database. Raises Refusal."""
    import mimetypes

    from crm.services.notes import File
    from rapport.attachments import Files, TooLarge
    from rapport.settings import read_settings

    try:
        with path.open("rb") as source:
            key, size = Files(read_settings().files, business_id).keep(source, most)
    except TooLarge:
        raise Refusal(f"{path} is larger than {most // 2**20} MB") from None
    except OSError as error:
        raise Refusal(f"{path} cannot be kept: {error.strerror}") from None
    type_ = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return File(path.name, type_, size, key)


def read_criteria(written: str, business: Business) -> Criterion | None:
    """Criteria of the command line, JSON being YAML. Raises Refusal with every problem."""
    from engine.criteria import read_criterion
    from engine.problems import Problems
    from engine.shapes import plain
    from engine.shapes.conditions import customer_catalogue
    from engine.source import read_documents

    problems = Problems()
    documents = read_documents(written, "--where", problems)
    faults = [problem.told for problem in problems.sorted()]
    if faults or len(documents) != 1:
        raise Refusal(f"--where: {'; '.join(faults) or 'nothing is asked'}", WRONG_USE)
    criterion = read_criterion(
        plain(documents[0].root),
        customer_catalogue(business),
        lambda _path, message, cure: faults.append(f"{message} {cure}".strip()),
    )
    if faults:
        raise Refusal(f"--where: {'; '.join(faults)}", WRONG_USE)
    return criterion


def _note_look(store: Store, customer_id: int, shown: dict[str, Any], by: str) -> None:
    """Each look at sensitive values is in the audit log."""
    from crm.services.auditing import FIELD_REVEALED, write_audit
    from crm.services.fields import sensitive
    from crm.services.ledger import HIDDEN
    from rapport.runtime.clock import SystemClock

    values = {**shown["extra"], **shown["fields"]}
    secret = sensitive(store.db, store.business_id)
    seen = sorted(key for key in secret if values.get(key) not in (None, HIDDEN))
    if seen:
        write_audit(
            store.db, store.business_id, by, FIELD_REVEALED, SystemClock().now(),
            customer_id=customer_id, data={"fields": seen},
        )  # fmt: skip


def _nested(row: dict[str, Any], mapped: list[str]) -> dict[str, Any]:
    """Base fields by name, then the others under `fields`, as `show` has them."""
    base = {name: value for name, value in row.items() if name not in mapped}
    return {**base, "fields": {name: row[name] for name in mapped}}


def _refuse(error: CrmError, form: Format, **more: Any) -> None:
    if form is not Format.JSON:
        raise error
    print_json({"error": str(error), **more})
    raise typer.Exit(FOUND_PROBLEMS)


def _rows_of(matches: list[Match] | tuple[Match, ...]) -> list[dict[str, Any]]:
    return [{"id": match.customer_id, "display_name": match.display_name} for match in matches]


def _flat(customer: dict[str, Any]) -> list[dict[str, Any]]:
    """A line for everything that is there; of what hangs on a customer, a line for each."""
    lines: list[dict[str, Any]] = []
    for name, value in customer.items():
        if name == "fields":
            lines += [
                {"name": key, "value": cell(item)} for key, item in value.items() if _is(item)
            ]
        elif name == "activities":
            lines += [{"name": name, "value": _happened(item)} for item in value]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [{"name": name, "value": _one_line(item)} for item in value]
        elif name == "run" or not _is(value):
            continue  # the open run stands among `runs`
        else:
            lines.append({"name": name, "value": cell(value)})
    return lines


def _is(value: Any) -> bool:
    """Whether there is something: 0 and false are values."""
    return value not in (None, "", [], {})


def _happened(activity: dict[str, Any]) -> str:
    """A row of the timeline: `2026-11-20 13:39 message_received by customer: hello`."""
    told = f": {activity['description']}" if activity["description"] else ""
    return f"{to_the_minute(activity['at'])} {activity['type']} by {activity['by']}{told}"


def _one_line(item: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {to_the_minute(cell(value))}" for name, value in item.items() if value is not None
    )
