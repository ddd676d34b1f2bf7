"""`rapport inbox`: customers who wait for somebody of the staff, and talking with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.output import Format, FormatOption, print_json, print_rows

if TYPE_CHECKING:
    from rapport.cli.store import Store

group = typer.Typer(
    name="inbox",
    help="Customers who wait for somebody of the staff.",
    rich_markup_mode=None,
    invoke_without_command=True,
)

COLUMNS = ("id", "name", "to", "channel", "since", "unanswered_since", "last")

Ref = Annotated[str, typer.Argument(metavar="REF", help="7, a phone, an email, telegram:ID")]
ByOption = Annotated[str, typer.Option("--by", help="who you are, a name of the staff")]
ToOption = Annotated[
    str, typer.Option("--to", help="only those who wait for this name, team or role")
]


@group.callback()
def inbox(context: typer.Context) -> None:
    """Customers who wait for somebody of the staff; without a command, the list of them."""
    if context.invoked_subcommand is None:
        list_()


@group.command("list")
def list_(to: ToOption = "", form: FormatOption = Format.TABLE) -> None:
    """Who is handed over, those without an answer first, the longest waiting at the top."""
    from engine.fields.plain import to_plain
    from rapport.cli.store import open_store
    from rapport.runtime.inbox import talks

    with open_store() as store:
        found = talks(store.db, store.business_id)
    rows = [one._asdict() for one in found if to.casefold() in ("", one.to.casefold())]
    for row in rows:
        row["id"] = row.pop("customer_id")
    print_rows([to_plain(row) for row in rows], COLUMNS, form, "nobody waits for a person")


@group.command()
def show(
    ref: Ref,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="at most so many messages")] = 20,
    form: FormatOption = Format.TABLE,
) -> None:
    """The last messages of a customer, the oldest first."""
    from engine.fields.plain import to_plain
    from rapport.cli.store import open_store
    from rapport.runtime.inbox import said

    with open_store() as store:
        found = said(store.db, store.business_id, _customer(store, ref), limit)
    rows: list[Any] = [to_plain(one._asdict()) for one in found]
    if form is Format.JSON:
        print_json(rows)
    else:
        print_rows(rows, ("at", "by", "text"), form, "nothing was said yet")


@group.command()
def reply(
    ref: Ref, text: Annotated[str, typer.Argument(help="what to write")], by: ByOption = ""
) -> None:
    """Write to a customer as one of the staff."""
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock
    from rapport.runtime.inbox import answer

    with open_store() as store:
        name = _known(by, store)
        answer(store.db, store.business_id, _customer(store, ref), name, text, SystemClock().now())
    print(f"sent as {name}")


@group.command()
def release(ref: Ref, by: ByOption = "") -> None:
    """Give a customer back to the bot."""
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock
    from rapport.runtime.inbox import release as give_back

    with open_store() as store:
        give_back(
            store.db, store.business_id, _customer(store, ref), _known(by, store),
            SystemClock().now(),
        )  # fmt: skip
    print("the bot talks again")


@group.command()
def take(ref: Ref, by: ByOption = "") -> None:
    """Have a customer to yourself: the bot is silent until you release them."""
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock
    from rapport.runtime.inbox import take as have

    with open_store() as store:
        name = _known(by, store)
        have(store.db, store.business_id, _customer(store, ref), name, SystemClock().now())
    print(f"{name} talks with them now")


def _customer(store: Store, ref: str) -> int:
    from crm.services.find import resolve

    return resolve(store.db, store.business_id, ref, store.business.country)


def _known(by: str, store: Store) -> str:
    """Who acts: the name given, else the only one of the staff there is."""
    from engine.staff import person_called

    staff = store.business.staff
    if not by and len(staff) == 1:
        return staff[0].name
    person = person_called(store.business, by) if by else None
    if person is None:
        there = ", ".join(one.name for one in staff) or "nobody, crm.yaml has no `staff`"
        told = f"nobody of the staff is called '{by}'" if by else "say who you are"
        raise Refusal(f"--by: {told} ({there})", WRONG_USE)
    return person.name
