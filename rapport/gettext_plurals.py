"""Plural forms between CLDR, which files are written in, and gettext, which numbers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from gettext import c2py

from babel.messages.plurals import get_plural
from babel.plural import to_gettext

from engine.templates.names import OTHER
from engine.templates.plural import COUNTED, form_of, forms_of
from engine.templates.speaking import cldr
from engine.translation import Words


class PluralRule:
    """How a catalogue in `language` numbers its plural forms: `expression` in gettext's C.

    Raises ValueError for an expression that is none.
    """

    def __init__(self, language: str, count: int, expression: str) -> None:
        self.language = language
        self.count = count
        self.header = f"nplurals={count}; plural={expression};"
        numbered: Callable[[int], int] = c2py(expression)
        self._places: dict[str, int] = {}
        for number in range(COUNTED + 1):
            place = min(numbered(number), count - 1)
            self._places.setdefault(form_of(language, number), place)

    def is_faithful(self) -> bool:
        """Whether each form that whole numbers take has a number of its own."""
        return len(set(self._places.values())) == len(self._places) == self.count

    def numbered(self, words: Words) -> tuple[str, ...]:
        """The texts as a catalogue lists them; '' where a form is not written."""
        listed = [""] * self.count
        for form, place in self._places.items():
            listed[place] = words if isinstance(words, str) else words.get(form, "")
        return tuple(listed)

    def forms(self, listed: Sequence[str], before: Words | None) -> Words:
        """The texts by form; one text where all forms are alike.

        before: what is written now, for the forms that a catalogue does not have, those of
        fractions and millions.
        """
        forms = {form: listed[place] for form, place in self._places.items()}
        kept: Mapping[str, str] = before if isinstance(before, Mapping) else {}
        forms = {**kept, OTHER: kept.get(OTHER, listed[-1]), **forms}
        if len(set(forms.values())) == 1:
            return forms[OTHER]
        return {form: forms[form] for form in forms_of(self.language) if form in forms} | {
            form: said for form, said in forms.items() if form not in forms_of(self.language)
        }


def rule_of(language: str) -> PluralRule:
    """The rule that translators' tools expect, where it tells all forms apart; else CLDR's."""
    usual = get_plural(language.replace("-", "_"))
    rule = PluralRule(language, usual.num_plurals, usual.plural_expr)
    if rule.is_faithful():
        return rule
    count, _, expression = to_gettext(cldr(language).plural_form).partition("; plural=")
    return PluralRule(language, int(count.partition("=")[2]), expression.rstrip(";"))
