"""Writes docs/reference from the declarations in the code: `python -m docs.generate`.

A test holds the committed pages to what this would write.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from docs.problem_cases import BUSINESS, Files, Link, named, problem_cases, problems_of
from docs.tables import code, options_table, table
from engine import events
from engine.codes import CODES
from engine.criteria.operators import LOOKUPS, OPERATORS, Shape
from engine.fields.base import BASE_FIELDS
from engine.fields.slots import SIZES, slots_of
from engine.fields.types import FieldType
from engine.loader import business, campaigns, fields, flows, transcripts
from engine.loader.nodes import COMMON
from engine.node import Node
from engine.templates.filters import FILTERS, TESTS
from engine.templates.speaking import SPOKEN
from nodes import KINDS
from rapport.cli.schema import SCHEMA_FILE, schema_text
from rapport.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
CASES = ROOT / "tests" / "nodes" / "cases"
NOTE = "<!-- Written by `make docs` from the code; change it there. -->"


def nodes_page() -> str:
    parts = [
        "# Node kinds",
        (
            "A node is a mapping with one key that says its kind, the options of that kind, and "
            "the options that every node has. `timeout.remind[].after` is the key `after` of "
            "each item of `remind` in `timeout`."
        ),
        *(_kind(kind) for kind in KINDS),
        "## Every node",
        options_table(COMMON),
    ]
    return _page(parts)


def _kind(kind: type[Node]) -> str:
    first, *_ = (CASES / f"{kind.KIND}.yaml").read_text(encoding="utf-8").split("\n---\n")
    parts = [f"## {kind.KIND}", kind.HELP]
    if kind.OPTIONS:
        parts.append(options_table(kind.OPTIONS))
    parts += [
        f"From `tests/nodes/cases/{kind.KIND}.yaml`, where the conversations it makes are too:",
        f"```yaml\n{first.strip()}\n```",
    ]
    return "\n\n".join(parts)


def files_page() -> str:
    parts = [
        "# Keys of the files",
        "A project is a folder with a `crm.yaml`. Keys that begin with `x_` are ignored.",
        "## crm.yaml",
        options_table(business.OPTIONS),
        "## A flow file",
        options_table(flows.OPTIONS),
        "The nodes are in [nodes.md](nodes.md), the triggers in [triggers.md](triggers.md).",
        "## A campaign file",
        options_table(campaigns.OPTIONS),
        "## A transcript test",
        options_table(transcripts.OPTIONS),
    ]
    return _page(parts)


def triggers_page() -> str:
    parts = ["# Triggers", "What a flow's `triggers:` may name with `on:`."]
    for name, event in events.EVENTS.items():
        needs = [need for need in event.needs if need]
        rule = f" One of {_words(needs)} is needed." if needs else ""
        parts.append(f"## {name}\n\n{event.help}.{rule}")
        if event.options:
            parts.append(options_table(event.options))
    parts += [
        "## Every trigger",
        options_table(events.COMMON),
        "## Not available yet",
        (
            f"Events refused with E901: {_words(events.LATER)}. "
            f"Options: {_words(events.LATER_OPTIONS)}."
        ),
    ]
    return _page(parts)


def fields_page() -> str:
    types = [
        (code(type_), str(len(slots_of(type_)) or "none: extra"), str(SIZES.get(type_) or ""))
        for type_ in FieldType
    ]
    columns = [
        (
            code(field.key),
            field.type.value,
            str(field.size or ""),
            "Rapport alone" if field.read_only else "flows and people",
            ", ".join(code(option.value) for option in field.options),
        )
        for field in BASE_FIELDS.values()
    ]
    parts = [
        "# Fields",
        "## Types",
        (
            "A declared field has a typed slot of its type while there is one, or stands among the "
            "extras; `time`, `datetime` and `list` always do."
        ),
        table(("type", "slots", "most characters"), types),
        "## What a field may say (`fields:` in crm.yaml)",
        options_table(fields.FIELD),
        "## Base fields",
        "Every customer has these without declaring them.",
        table(("field", "type", "most characters", "written by", "values"), columns),
    ]
    return _page(parts)


_BESIDE: Mapping[Shape, str] = {
    Shape.NOTHING: "yes, or no for the opposite",
    Shape.ONE: "a value",
    Shape.TWO: "[lowest, highest], both included",
    Shape.MANY: "a list of values",
    Shape.LETTERS: "a piece of text",
    Shape.DAYS: "a number of days",
    Shape.PART: "a value or a list; month, day, year also this, next, last",
}


_CRITERIA_FORMS = [
    ("canonical", code("{field: crm_score, op: greater_than_or_equal, value: 80}")),
    ("lookups", code("{crm_score__gte: 80, birth_date__month: this, tags: [VIP]}")),
    (
        "rules",
        code(
            "{entity: company, match_type: any,"
            " rules: [{field: industry, operator: equals, value: Hotels}]}"
        ),
    ),
    (
        "measures",
        code("{min_visits: 5, max_days_since_visit: 90, min_spent: 500, tags_include: [VIP]}"),
    ),
    (
        "filters",
        code(
            "{crm_score: {min: 0, max: 100}, last_contacted: {days: 30},"
            " custom_fields: {is_vip: true}}"
        ),
    ),
]


def criteria_page() -> str:
    written = {op: [name for name, of in LOOKUPS.items() if of is op] for op in OPERATORS}
    rows = [
        (
            code(op.value),
            _words(name for name in written[op] if name != op.value),
            "every type" if len(of.types) == len(FieldType) else ", ".join(sorted(of.types)),
            _BESIDE[of.shape],
        )
        for op, of in OPERATORS.items()
    ]
    parts = [
        "# Criteria",
        (
            "A condition is written in any of these forms, which may be mixed under `all`, `any` "
            "and `not`; keys of one mapping are joined by all."
        ),
        table(("form", "example"), _CRITERIA_FORMS),
        (
            "A slot (`custom_text_1`) is the field that the business has in it; `extra.KEY` is "
            "what is stored under a key that no field declares."
        ),
        table(("operator", "also written", "of fields that are", "beside it"), rows),
    ]
    return _page(parts)


def templates_page() -> str:
    parts = [
        "# Templates",
        "## Filters",
        _functions({**FILTERS, **SPOKEN}, 2),
        "`'%04d' | format(number)` lays values out by a pattern that the author wrote.",
        "## Tests",
        f"`{{% if x is NAME %}}`: {_words(TESTS)}.",
        "## Functions",
        "`history('field')`: the earlier values of a field, newest first.",
    ]
    return _page(parts)


def _functions(functions: Mapping[str, Callable[..., object]], given: int) -> str:
    rows = [
        (code(f"value | {name}{_arguments(function, given)}"), _first_line(function))
        for name, function in sorted(functions.items())
    ]
    return table(("written", "gives"), rows)


def _arguments(function: Callable[..., object], given: int) -> str:
    names = list(inspect.signature(function).parameters)[given:]
    return f"({', '.join(names)})" if names else ""


def _first_line(function: Callable[..., object]) -> str:
    return (inspect.getdoc(function) or "").partition("\n\n")[0]


def codes_page() -> str:
    rows = [
        (f"[{name}](#{name.lower()})", "stops `apply`" if name[0] == "E" else "a warning", meaning)
        for name, meaning in sorted(CODES.items())
    ]
    parts = [
        "# Problem codes",
        "What `rapport check` may say. A code never changes its meaning.",
        table(("code", "effect", "meaning"), rows),
        "## Each with an example",
        "An example that shows no `crm.yaml` belongs to this one:",
        _block("yaml", BUSINESS),
        *(_code_part(name, CODES[name]) for name in sorted(CODES)),
    ]
    return _page(parts)


def _code_part(name: str, meaning: str) -> str:
    case = problem_cases()[name]
    first = case.examples[0]
    parts = [
        f'### <a id="{name.lower()}"></a>{name}: {meaning}',
        case.meaning.strip(),
        *_shown(first.wrong),
        _block("text", "\n".join(map(str, problems_of(first.wrong)))),
        case.mend.strip(),
        *_shown(first.right),
    ]
    return "\n\n".join(parts)


def _shown(files: Files) -> Iterable[str]:
    """The files of an example; the name of the only one is in the report below it."""
    shown = named(files)
    for name, content in shown.items():
        if len(shown) > 1 or content is None:
            yield f"`{name}`{_described(content)}"
        if isinstance(content, str):
            yield _block("yaml", content)


def _described(content: str | Link | None) -> str:
    match content:
        case Link(link=link):
            return f", a link to `{link}`"
        case None:
            return " is missing"
        case _:
            return ":"


def _block(kind: str, text: str) -> str:
    return f"```{kind}\n{text.rstrip()}\n```"


def settings_page() -> str:
    rows = [
        (code(str(field.alias)), _default(field.default), field.description or "")
        for field in Settings.model_fields.values()
    ]
    parts = [
        "# Settings",
        (
            "From the environment, else from `.env` in the working directory. `rapport config` "
            "shows what is in force."
        ),
        table(("setting", "default", "meaning"), rows),
    ]
    return _page(parts)


def _default(value: Any) -> str:
    return "" if value is None else code(str(value))


def _words(names: Iterable[str]) -> str:
    return ", ".join(map(code, names))


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join((NOTE, *parts)) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "nodes.md": nodes_page,
    "files.md": files_page,
    "triggers.md": triggers_page,
    "fields.md": fields_page,
    "criteria.md": criteria_page,
    "templates.md": templates_page,
    "codes.md": codes_page,
    "settings.md": settings_page,
}
"""The pages of docs/reference, by file name."""


def main() -> None:
    (ROOT / "flows" / SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
    REFERENCE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
