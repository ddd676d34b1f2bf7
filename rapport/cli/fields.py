"""`rapport fields`: which typed column holds which field."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.applying import require_sound
from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.output import Format, FormatOption, print_rows
from rapport.cli.paths import chosen
from rapport.printable import printable

if TYPE_CHECKING:
    from engine.loader import Loaded

group = typer.Typer(name="fields", help="The customer fields of a business.", rich_markup_mode=None)

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

    _change(project, key, edit)


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

    _change(project, key, edit, force=force)


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

    _change(project, key, edit)


@group.command()
def template(
    industry: Annotated[str, typer.Argument(help="the name of an industry")],
    form: FormatOption = Format.TABLE,
) -> None:
    """The fields that `industry: NAME` in crm.yaml brings."""
    from engine.loader import CRM_FILE, load_project
    from nodes import KINDS
    from rapport.project import industries, industry_template

    if industry_template(industry) is None:
        raise Refusal(f"there is no template '{industry}' (there are: {', '.join(industries())})")
    source = f"business: {{name: Any}}\nindustry: {industry}\n"
    business = load_project({CRM_FILE: source}, KINDS, industry_template).business
    rows: list[dict[str, Any]] = [
        {
            "key": item.key,
            "label": item.label.pick("en"),
            "type": item.type.value,
            "options": [option.value for option in item.options],
        }
        for item in business.fields.values()
        if not item.base
    ]
    print_rows(rows, ("key", "label", "type", "options"), form, "")


def _change(
    project: Path | None, key: str, edit: Callable[[str, Loaded], str], *, force: bool = False
) -> None:
    from rapport.cli.store import open_database
    from rapport.fields import make, places, plan
    from rapport.project import find_project
    from rapport.runtime.clock import SystemClock
    from rapport.storage import refuse_outdated

    folder = find_project(chosen(project))
    before = require_sound(folder)
    planned = plan(folder, before, key, lambda text: edit(text, before))
    harm = [one for one in planned.used if one.severity == "error" or not force]
    if harm:
        raise Refusal(f"it is used at {places(harm)}: take it out there first")
    with open_database() as engine:
        refuse_outdated(engine)
        for change in make(engine, planned, SystemClock().now()):
            print(printable(str(change)))


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
