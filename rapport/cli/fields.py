"""`rapport fields`: which typed column holds which field."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.applying import require_sound
from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.field_templates import template
from rapport.cli.field_values import archive, clear
from rapport.cli.output import Format, FormatOption, print_rows
from rapport.cli.paths import chosen
from rapport.printable import printable

if TYPE_CHECKING:
    from crm.services.changes import Change
    from engine.loader import Loaded

group = typer.Typer(name="fields", help="The customer fields of a business.", rich_markup_mode=None)

group.command()(archive)
group.command()(clear)
group.command()(template)

COLUMNS = ("key", "label", "type", "slot", "active", "system")


@group.command("list")
def list_(form: FormatOption = Format.TABLE) -> None:
    """Every mapped field, the inactive too; an empty slot means its values are extras."""
    from crm.services.fields import list_fields
    from rapport.cli.store import open_store

    with open_store() as store:
        language = store.business.language
        rows = [
            {
                "key": item.key,
                "label": item.label.pick(language),
                "type": item.type.value,
                "slot": item.slot,
                "active": item.is_active,
                "system": item.is_system,
            }
            for item in list_fields(store.db, store.business_id)
        ]
    print_rows(rows, COLUMNS, form, "no fields are declared")


ProjectOption = Annotated[
    Path | None, typer.Option("--project", help="its folder; default: RAPPORT_FLOWS")
]


@group.command()
def add(
    key: Annotated[str, typer.Argument(help="its name in flows: shoe_size")],
    type_: Annotated[str, typer.Option("--type", help="text, number, date, select ...")] = "text",
    label: Annotated[
        list[str] | None, typer.Option(help="what people see; in a language: fa=سایز")
    ] = None,
    option: Annotated[list[str] | None, typer.Option(help="one choice of a select")] = None,
    ask: Annotated[str | None, typer.Option(help="the question that asks for it")] = None,
    extra: Annotated[bool, typer.Option("--extra", help="stored without a slot")] = False,
    project: ProjectOption = None,
) -> None:
    """Declare a field in crm.yaml and give it its column."""
    from engine.editing import add_field

    declaration: dict[str, Any] = {"type": type_}
    declaration |= {"label": _by_language(label)} if label else {}
    declaration |= {"options": list(option)} if option else {}
    declaration |= {"ask": ask} if ask else {}
    declaration |= {"extra": True} if extra else {}

    def edit(text: str, before: Loaded) -> str:
        if key in before.business.fields:
            raise Refusal(f"the field '{key}' is there already")
        if _is_declared(text, key):
            raise Refusal(f"'{key}' is declared and not active: `rapport fields activate {key}`")
        return add_field(text, key, declaration)

    _change(project, (key,), edit)


@group.command()
def deactivate(
    key: Annotated[str, typer.Argument(help="the field")],
    force: Annotated[
        bool, typer.Option("--force", help="though flows save to it: their replies become extras")
    ] = False,
    project: ProjectOption = None,
) -> None:
    """Take a field out of use. Its values are kept, and come back with it."""
    from engine.editing import switch_off

    def edit(text: str, before: Loaded) -> str:
        _require_declared(key, before)
        return switch_off(text, key)

    _change(project, (key,), edit, force=force)


@group.command()
def activate(
    key: Annotated[str, typer.Argument(help="the field")], project: ProjectOption = None
) -> None:
    """Take a field into use again, with its column and its values."""
    from engine.editing import add_field, switch_on

    def edit(text: str, before: Loaded) -> str:
        if key in before.business.fields:
            raise Refusal(f"the field '{key}' is active")
        if _is_declared(text, key):
            return switch_on(text, key)
        return add_field(text, key, _declaration_of(key))

    _change(project, (key,), edit)


@group.command()
def reorder(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="those that come first")],
    project: ProjectOption = None,
) -> None:
    """Put fields into an order: these come first, the others behind as they are now."""
    from engine.editing import set_order

    if len(set(keys)) < len(keys):
        raise Refusal("a field has one place: name each once", WRONG_USE)

    def edit(text: str, before: Loaded) -> str:
        for key in keys:
            _require_declared(key, before)
        others = [key for key, item in before.business.fields.items() if not item.base]
        wanted = [*keys, *(key for key in others if key not in keys)]
        for place, key in enumerate(wanted, 1):
            text = set_order(text, key, place)
        return text

    _change(project, (), edit)
    list_()


def _change(
    project: Path | None, keys: Collection[str], edit: Callable[[str, Loaded], str], *,
    force: bool = False,
) -> None:  # fmt: skip
    from rapport.project import find_project

    folder = find_project(chosen(project))
    before = require_sound(folder)
    for one in make_change(folder, before, keys, lambda text: edit(text, before), force=force):
        print(printable(str(one)))


def make_change(
    folder: Path, before: Loaded, keys: Collection[str], edit: Callable[[str], str], *,
    force: bool = False,
) -> tuple[Change, ...]:  # fmt: skip
    """Change fields in crm.yaml and in the database. force: though flows save to one that goes.
    Raises Refusal and what `rapport.fields` raises."""
    from rapport.cli.store import open_database
    from rapport.fields import make, places, plan, used_at
    from rapport.runtime.clock import SystemClock
    from rapport.storage import refuse_outdated

    planned = plan(folder, before, keys, edit)
    harm = [one for one in used_at(planned) if one.severity == "error" or not force]
    if harm:
        raise Refusal(f"it is used at {places(harm)}: take it out there first")
    with open_database() as engine:
        refuse_outdated(engine)
        return make(engine, planned, SystemClock().now())


def _by_language(labels: list[str]) -> str | dict[str, str]:
    """`fa=سایز` is a label in a language, `Size` one for all."""
    if len(labels) == 1 and not _OF_A_LANGUAGE.match(labels[0]):
        return labels[0]
    parts = [label.partition("=") for label in labels]
    if not all(_OF_A_LANGUAGE.match(label) for label in labels):
        raise Refusal("of several labels each says its language: --label en=Size", WRONG_USE)
    return {language: words for language, _, words in parts}


_OF_A_LANGUAGE = re.compile("[a-z]{2,3}(-[A-Za-z0-9]+)?=.")


def _is_declared(text: str, key: str) -> bool:
    """Whether crm.yaml itself says something of the field, in use or not."""
    from engine.editing import declared_keys

    return key in declared_keys(text)


def _require_declared(key: str, before: Loaded) -> None:
    from difflib import get_close_matches

    fields = before.business.fields
    if key not in fields:
        near = get_close_matches(key, [item.key for item in fields.values() if not item.base], 1)
        raise Refusal(
            f"there is no field '{key}'" + (f": did you mean '{near[0]}'?" if near else "")
        )
    if fields[key].base:
        raise Refusal(f"every customer has '{key}': it cannot be taken out of use")


def _declaration_of(key: str) -> dict[str, Any]:
    """What a file said of a field that it no longer names, from the database."""
    from crm.services.fields import declaration_of
    from rapport.cli.store import open_store

    with open_store() as store:
        return declaration_of(store.db, store.business_id, key)
