"""Texts for the staff: in the business's language and places, whatever the customer's are."""

from __future__ import annotations

from engine.effects import TellStaff
from engine.locales import locale_of
from engine.passage import Passage
from engine.scope import Scope
from engine.staff import STAFF_CHANNEL
from engine.templates import Template
from engine.texts import Text
from engine.wording import wording


def tell_staff(at: Passage, to: str, text: Text[Template]) -> None:
    """Tell people of the business; `to` as in TellStaff. What cannot be made of the text, they are
    told so; an empty text is a row of the timeline."""
    business = at.facts.business
    scope = Scope(at, locale_of({}, business))
    variant = text.pick(business.language, STAFF_CHANNEL, (at.flow.language,))
    told = at.fill(variant, lambda template, _: template.tell(scope))
    if told is None:
        told = wording("staff_template_failed", business.language, flow=at.flow.key)
    if told.strip():
        at.ask_for(TellStaff(to, told))
    else:
        at.problem(f"there is nothing to tell {to}: the text is empty")
