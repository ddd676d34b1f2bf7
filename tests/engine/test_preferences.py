"""The names under which people know what may be sent to them."""

from __future__ import annotations

import pytest

from engine.loader.flows import PURPOSES
from engine.preferences import PREFERENCES, allows, preference_named, read_preferences


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("email_newsletters", "newsletter"),
        ("sms_promotions", "promotion"),
        ("birthday_messages", "birthday"),
        ("Promotions", "promotion"),
        ("appointment reminders", "appointment_reminder"),
        ("vaccination-reminder", "vaccination_reminder"),
        ("horoscope", None),
        ("", None),
    ],
)
def test_a_preference_is_known_by_many_names(word: str, name: str | None) -> None:
    assert preference_named(word) == name


def test_whoever_refused_once_has_refused() -> None:
    assert read_preferences({"promotion": True, "sms_promotions": False}) == {"promotion": False}


def test_what_is_not_said_is_allowed_and_service_always_is() -> None:
    assert allows(None, "promotion")
    assert allows({"promotion": False}, "birthday")
    assert not allows({"promotion": False}, "promotion")
    assert allows({}, "service")


def test_every_purpose_of_a_flow_but_service_may_be_refused() -> None:
    assert set(PURPOSES) == {"service", *PREFERENCES}
