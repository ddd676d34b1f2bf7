"""`rapport fields template`: the fields of an industry, added to a business."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.failing import Refusal
from rapport.cli.output import Format, FormatOption, print_json, print_rows

if TYPE_CHECKING:
    from engine.fields.types import Field
    from engine.loader import Loaded


def template(
    industry: Annotated[str, typer.Argument(help="the name of an industry")],
    show: Annotated[bool, typer.Option("--show", help="only print what it would bring")] = False,
    project: Annotated[
        Path | None, typer.Option("--project", help="its folder; default: RAPPORT_FLOWS")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Add the fields of an industry that the business does not have; a second time adds none."""
    found = _fields_of(industry)
    if show:
        _show(found, form)
        return
    answer = _apply(industry, found, project)
    if form is Format.JSON:
        print_json(answer)
    else:
        rows = [
            {"key": key, "what": "created" if what == "fields_created" else what}
            for what, keys in answer.items()
            for key in keys
        ]
        print_rows(rows, ("key", "what"), form, "")


def _apply(industry: str, found: list[Field], project: Path | None) -> dict[str, list[str]]:
    from engine.editing import declared_keys
    from rapport.cli.applying import require_sound
    from rapport.cli.fields import make_change
    from rapport.cli.paths import chosen
    from rapport.project import find_project

    folder = find_project(chosen(project))
    before = require_sound(folder)
    there = {*before.business.fields, *declared_keys(before.crm_source)}
    created = [item for item in found if item.key not in there]
    if created:
        keys = [item.key for item in created]
        make_change(
            folder, before, keys,
            lambda text: _with(text, industry, created, found, before),
            force=True,  # a field that comes is in nobody's way
        )  # fmt: skip
    return {
        "fields_created": [item.key for item in created],
        "skipped": [item.key for item in found if item.key in there],
    }


def _with(
    text: str, industry: str, created: list[Field], found: list[Field], before: Loaded
) -> str:
    """crm.yaml names the industry where it has none and nothing of it; else it gets what it lacks,
    field by field, for what it says of a field already may not become something else."""
    from engine.editing import add_field, name_industry

    if not before.business.industry and len(created) == len(found):
        return name_industry(text, industry)
    for item in created:
        text = add_field(text, item.key, _declaration(item, before.business.languages))
    return text


def _declaration(item: Field, languages: tuple[str, ...]) -> dict[str, Any]:
    """What a file says of a field, in the languages of the business."""
    from crm.services.declarations import in_file, to_declaration

    def speaking(text: Any) -> Any:
        if not isinstance(text, dict):
            return text
        own = {language: words for language, words in text.items() if language in languages}
        return own or text["en"]

    written = in_file(item.type.value, to_declaration(item))
    for name in ("label", "ask", "help_text", "placeholder"):
        if name in written:
            written[name] = speaking(written[name])
    for option in written.get("options", ()):
        option["label"] = speaking(option["label"])
    return written


def _fields_of(industry: str) -> list[Field]:
    from engine.loader import CRM_FILE, load_project
    from nodes import KINDS
    from rapport.project import industries, industry_template

    if industry_template(industry) is None:
        raise Refusal(f"there is no template '{industry}' (there are: {', '.join(industries())})")
    source = f"business: {{name: Any}}\nindustry: {industry}\n"
    business = load_project({CRM_FILE: source}, KINDS, industry_template).business
    return [item for item in business.fields.values() if not item.base]


def _show(found: list[Field], form: Format) -> None:
    rows: list[dict[str, Any]] = [
        {
            "key": item.key,
            "label": item.label.pick("en"),
            "type": item.type.value,
            "options": [option.value for option in item.options],
        }
        for item in found
    ]
    print_rows(rows, ("key", "label", "type", "options"), form, "")
