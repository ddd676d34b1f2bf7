"""Plural forms: which words go with a number, by the CLDR rules of the text's language."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from engine.fields.show import show_number
from engine.templates.bounds import NUMBERS
from engine.templates.names import FORMS, OTHER
from engine.templates.operations import number
from engine.templates.speaking import cldr
from engine.templates.template import Template
from engine.templates.values import UNDEFINED, Scope

COUNTED = 200
"""Each form that whole numbers take is taken by one up to here (CLDR 46), but for the `many` that
some languages keep for millions, which reads like `other`."""


@lru_cache(maxsize=256)
def forms_of(language: str) -> tuple[str, ...]:
    """The forms a text in `language` (BCP 47) needs, in CLDR's order: en has one and other."""
    rule = cldr(language).plural_form
    taken = {rule(count) for count in range(COUNTED + 1)} | {OTHER}
    return tuple(form for form in FORMS if form in taken)


def form_of(language: str, amount: Decimal | int) -> str:
    """The form that goes with a number."""
    form: str = cldr(language).plural_form(amount)
    return form


def known_forms(language: str) -> frozenset[str]:
    """Every form of the language, those that only fractions and millions take too."""
    return frozenset({*cldr(language).plural_form.tags, OTHER})


def by_number(count: Template, forms: Mapping[str, Template], language: str) -> Template:
    """The template that renders the one of `forms` that `count` asks for; `other` where it is not
    written. `count` is one whole `{{ }}`; nothing counts 0, and what is no number fails."""
    rule = cldr(language).plural_form

    def chosen(scope: Scope) -> str:
        counted = count.evaluate(scope)
        amount = NUMBERS.abs(number(UNDEFINED if counted is None else counted))
        # CLDR looks at the digits that are written: 2.50 is shown as 2.5.
        form = rule(Decimal(show_number(amount)))
        return forms.get(form, forms[OTHER]).render(scope)

    parts = (count, *forms.values())
    return Template(
        source=" / ".join((count.source, *(form.source for form in forms.values()))),
        uses=tuple(use for part in parts for use in part.uses),
        histories=tuple(use for part in parts for use in part.histories),
        _print=chosen,
    )
