"""Choosing from a list: the options of a select, the items of a list."""

from __future__ import annotations

import re

from engine.fields.clean import clean_text, plain_line
from engine.fields.faults import Fault, FaultCode
from engine.fields.fold import fold, fold_phrase
from engine.fields.readings import Read, Refused, refuse
from engine.fields.types import Field

_SEPARATORS = re.compile("[,،;؛\n]")


def read_select(text: str, field: Field) -> Read | Refused:
    """The value of the option whose value, label in any language, or number was typed.

    Compared folded. Numbers count from 1; an option called "2" wins over the second option.
    """
    value = find_option(text, field)
    return refuse(FaultCode.NOT_OPTION) if value is None else Read(value)


def find_option(text: str, field: Field) -> str | None:
    """The value of the option meant by `text`, or None."""
    choices = field.choices
    value = choices.get(fold(text))
    if value is None:
        value = choices.get(fold_phrase(text))
    return _numbered(text, field) if value is None else value


def _numbered(text: str, field: Field) -> str | None:
    number = plain_line(text).strip(" .)(")
    if not number.isdecimal() or len(number) > len(str(len(field.options))):
        return None
    index = int(number) - 1
    return field.options[index].value if 0 <= index < len(field.options) else None


def read_list(text: str, field: Field) -> Read | Refused:
    """Items separated by commas, semicolons or lines, each once, in the order written.

    Where the field has options each item must be one of them.
    """
    items: dict[str, None] = {}
    for piece in _SEPARATORS.split(text):
        item = clean_text(piece)
        if isinstance(item, Fault) or not item:
            continue
        chosen = find_option(item, field) if field.options else item
        if chosen is None:
            return refuse(FaultCode.NOT_OPTION)
        items[chosen] = None
    return Read(tuple(items)) if items else refuse(FaultCode.NOT_LIST)
