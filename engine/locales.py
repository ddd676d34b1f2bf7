"""A customer's conventions: their own where they have any, else the business's."""

from __future__ import annotations

from collections.abc import Mapping

from engine.business import Business
from engine.fields.places import Locale, base_language
from engine.fields.types import Value
from engine.scope import known_zone

PLACES = ("language", "timezone", "currency", "date_order")
"""The fields that reading and showing depend on."""

_MOST = 256
"""Conventions remembered of one business; customers are of few different ones."""


def locale_of(values: Mapping[str, Value], business: Business) -> Locale:
    """The customer's conventions, the business's where they have none of their own."""
    own = tuple(map(values.get, PLACES))
    known = business.locales
    locale = known.get(own)
    if locale is None:
        if len(known) >= _MOST:
            known.clear()
        locale = known[own] = _made(dict(zip(PLACES, own, strict=True)), business)
    return locale


def language_of(values: Mapping[str, Value], business: Business) -> str:
    """The customer's language if the business speaks it, else the business's own."""
    language = str(values.get("language") or "")
    for spoken in (language, base_language(language)):
        if spoken in business.languages:
            return spoken
    return business.language


def _made(own: Mapping[str, Value], business: Business) -> Locale:
    order = own["date_order"]
    zone = known_zone(str(own["timezone"] or ""), business.timezone)
    return Locale(
        language=language_of(own, business),
        languages=business.languages,
        country=business.country or None,
        timezone=zone.key,
        calendar="jalali" if business.calendar == "jalali" else "gregorian",
        date_order="dmy" if order == "dmy" else "mdy" if order == "mdy" else None,
        currency=str(own["currency"] or business.currency),
    )
