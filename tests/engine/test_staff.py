"""WHO: a name, a role or a team."""

from __future__ import annotations

import pytest

from engine.business import Business, Staff
from engine.staff import called, known_who, people_of

LOTUS = Business(
    key="lotus",
    name="Lotus",
    staff=(
        Staff("Ali", "owner", ("sales",)),
        Staff("Sara", "agent", ("sales", "Support")),
        Staff("sales", "viewer"),
    ),
    teams=("sales", "Support", "night"),
)


@pytest.mark.parametrize(
    ("who", "names"),
    [
        ("Ali", ["Ali"]),
        ("ALI", ["Ali"]),
        ("support", ["Sara"]),
        ("agent", ["Sara"]),
        ("sales", ["sales"]),  # a name wins over the team
        ("night", []),
        ("assigned", []),
        ("nobody", []),
    ],
)
def test_a_name_a_team_and_a_role_mean_people(who: str, names: list[str]) -> None:
    assert [one.name for one in people_of(LOTUS, who)] == names


@pytest.mark.parametrize(
    ("who", "known"),
    [
        ("SARA", "Sara"),
        ("night", "night"),
        ("Admin", "admin"),
        ("Assigned", "assigned"),
        ("x", None),
    ],
)
def test_a_who_is_known_as_the_business_writes_it(who: str, known: str | None) -> None:
    assert known_who(LOTUS, who) == known


def test_a_person_is_called_by_name_team_and_role() -> None:
    assert called(LOTUS, "sara") == ("Sara", "sales", "Support", "agent")
    assert called(LOTUS, "Mina") == ("Mina",)
