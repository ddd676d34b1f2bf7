"""WHO: the people of a business, by name, role or team.

A flow names them so where it assigns a task, hands over or notifies. The three are looked up in
this order, ignoring case: a name is one person, whatever teams are called so.
"""

from __future__ import annotations

from engine.business import Business, Staff

ROLES = ("owner", "admin", "agent", "viewer")

STAFF_CHANNEL = "telegram"
"""Where the staff is told."""

ASSIGNED = "assigned"
"""Whoever the customer is assigned to."""


def who_there_is(business: Business) -> tuple[str, ...]:
    """Every WHO that means somebody: names, teams, roles, `assigned`."""
    names = (one.name for one in business.staff)
    return tuple(dict.fromkeys((*names, *business.teams, *ROLES, ASSIGNED)))


def known_who(business: Business, who: str) -> str | None:
    """A WHO as the business writes it; None where it means nobody."""
    wanted = who.strip().casefold()
    return next((one for one in who_there_is(business) if one.casefold() == wanted), None)


def people_of(business: Business, who: str) -> tuple[Staff, ...]:
    """The people a name, team or role means; none for `assigned`, which only a customer tells."""
    wanted = who.strip().casefold()
    ways = (
        lambda one: one.name.casefold() == wanted,
        lambda one: wanted in (team.casefold() for team in one.teams),
        lambda one: one.role == wanted,
    )
    for means in ways:
        if found := tuple(one for one in business.staff if means(one)):
            return found
    return ()


def told_of(business: Business, who: str, assignee: str | None) -> tuple[Staff, ...]:
    """The people a WHO of a flow means, each number once. assignee: whom the customer is assigned
    to, a WHO too; None for nobody."""
    known = known_who(business, who)
    found = people_of(business, (assignee or "") if known == ASSIGNED else who)
    by_number = {one.telegram or one.name: one for one in reversed(found)}
    return tuple(one for one in found if by_number[one.telegram or one.name] is one)


def called(business: Business, name: str) -> tuple[str, ...]:
    """All by which a person is meant: the name, the teams, the role. Of somebody who is not of
    the staff, the name alone."""
    person = person_called(business, name)
    return (name,) if person is None else (person.name, *person.teams, person.role)


def person_called(business: Business, name: str) -> Staff | None:
    """The one of the staff with this name."""
    wanted = name.strip().casefold()
    return next((one for one in business.staff if one.name.casefold() == wanted), None)


def sees_sensitive(looks: Staff | None, assigned_to: str | None) -> bool:
    """Whether somebody is shown sensitive fields of a customer: owners and admins, and the agent
    the customer is assigned to. looks: None is whoever runs commands on the machine."""
    if looks is None or looks.role in ("owner", "admin"):
        return True
    return looks.role == "agent" and (assigned_to or "").casefold() == looks.name.casefold()
