"""What a customer wants to hear of: `marketing_preferences`, read from all the names it goes by."""

from __future__ import annotations

from collections.abc import Mapping

PREFERENCES = (
    "newsletter",
    "promotion",
    "appointment_reminder",
    "vaccination_reminder",
    "reminder",
    "birthday",
)
"""Each may be refused by itself; one that is not there is allowed."""

_OTHER_NAMES = {
    "email_newsletter": "newsletter",
    "sms_promotion": "promotion",
    "birthday_message": "birthday",
}


def preference_named(word: str) -> str | None:
    """The preference that a word means: `promotions` and `sms_promotions` are `promotion`."""
    one = word.strip().lower().replace("-", "_").replace(" ", "_")
    meant = (_OTHER_NAMES.get(name, name) for name in (one, one.removesuffix("s")))
    return next((name for name in meant if name in PREFERENCES), None)


def read_preferences(raw: Mapping[str, object]) -> dict[str, bool]:
    """Preferences by their own names, in their own order. Of two names for one, no wins.

    Raises ValueError, whose text says what cannot be read.
    """
    read: dict[str, bool] = {}
    for word, wanted in raw.items():
        name = preference_named(str(word))
        if name is None:
            raise ValueError(f"'{word}' is not one of {', '.join(PREFERENCES)}.")
        if not isinstance(wanted, bool):
            raise ValueError(f"'{word}' is true or false.")  # noqa: TRY004  # what people gave
        read[name] = wanted and read.get(name, True)
    return {name: read[name] for name in PREFERENCES if name in read}


def allows(preferences: Mapping[str, bool] | None, purpose: str) -> bool:
    """Whether somebody may be written to for a purpose; for `service` always."""
    return (preferences or {}).get(purpose, True)
