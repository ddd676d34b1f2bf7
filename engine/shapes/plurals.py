"""Texts that differ by a number: `{count: var.n, one: One hat, other: "{{ var.n }} hats"}`.

The forms are those of CLDR for the language of the text; a form that is not written reads as
`other`. `count` may stand above the languages, for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Map

from msgspec.structs import replace

from engine.shapes.reader import Reader
from engine.shapes.templates import read_template
from engine.source import Entry, Mapping, Scalar, Source
from engine.templates import Template
from engine.templates.names import FORMS, OTHER

COUNT = "count"
"""The key of the number that decides."""

FORMS_CURE = 'Write {count: var.n, one: One hat, other: "{{ var.n }} hats"}.'

_NAME = re.compile(r"[a-z_]\w*(\.\w+)*", re.ASCII)


def plural_of(
    source: Mapping, forms: Map[str, Template | str | None], count: Source | None,
    language: str, reader: Reader,
) -> Template | None:  # fmt: skip
    """The template of a mapping of forms, `forms` as they were read; None, with its problems
    reported, if it is not one. `count` may be one from above."""
    sound = _check_entries(source, language, reader)
    if count is None:
        message = "the forms of a plural need the number that they go by"
        reader.error(source.position, "E505", message, FORMS_CURE)
        return None
    if OTHER not in forms:
        message = f"the form '{OTHER}' is missing, which every plural has"
        reader.error(source.position, "E506", message, FORMS_CURE)
        return None
    number = _number(count, reader)
    read = {form: leaf for form, leaf in forms.items() if isinstance(leaf, Template)}
    if number is None or not sound or len(read) < len(forms):
        return None
    # babel costs 45 ms to import: nobody pays who has no plurals.
    from engine.templates.plural import by_number, forms_of

    missing = [form for form in forms_of(language) if form not in forms]
    if missing:
        cure = f"Until then '{OTHER}' is said there."
        message = f"a plural in '{language}' has {' and '.join(missing)} too"
        reader.warning(source.position, "W502", message, cure)
    return by_number(number, read, language)


def _check_entries(source: Mapping, language: str, reader: Reader) -> bool:
    """Whether there is nothing but forms, each one text."""
    sound = [_is_form(entry, language, reader) for entry in source.entries]  # of each is told
    return all(sound)


def _is_form(entry: Entry, language: str, reader: Reader) -> bool:
    key = entry.key
    if key.text == COUNT:
        return True
    if key.text not in FORMS:
        message = f"'{key.text}' stands beside forms of a plural, which are of one language"
        reader.error(key.position, "E205", message, "Put the forms under their language.")
        return False
    if not isinstance(entry.value, Scalar):
        reader.error(entry.value.position, "E201", "one text belongs here", "Write it in quotes.")
        return False
    from engine.templates.plural import known_forms

    if key.text not in known_forms(language):
        message = f"a plural in '{language}' never takes the form '{key.text}'"
        reader.warning(key.position, "W503", message, "Delete it.")
    return True


def _number(count: Source, reader: Reader) -> Template | None:
    if isinstance(count, Scalar) and _NAME.fullmatch(count.text):
        content = count.content
        if content is not None:  # where the name would stand inside of {{ }}
            content = replace(content, column=content.column - len("{{ "))
        return read_template(
            replace(count, text=f"{{{{ {count.text} }}}}", content=content), reader
        )
    template = read_template(count, reader) if isinstance(count, Scalar) else Template("")
    if template is None or template.is_value:
        return template
    message = f"`{COUNT}` takes a name such as var.n, or one whole {{{{ }}}}"
    reader.error(count.position, "E507", message, "Write the number's name alone.")
    return None
