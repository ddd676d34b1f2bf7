"""`rapport fields`: which typed column holds which field."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rapport.cli.failing import Refusal
from rapport.cli.output import Format, FormatOption, print_rows

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
