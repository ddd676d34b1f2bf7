"""What a customer is called: the rule behind `display_name` and its form for search. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.fields.fold import fold

ORGANISATIONS = frozenset({"company", "non-profit", "government"})
"""The values of `customer_type` whose customer is an organisation: named by its company."""

NAME_COLUMNS = frozenset(
    {"customer_type", "company", "first_name", "last_name", "username", "phone_number"}
)
"""The columns the name depends on: a change of one of them may change the name."""


def display_name_of(values: Mapping[str, Any], customer_id: int) -> str:
    """The company for organisations, else first and last name, else username, else phone.

    values: base columns by name; an absent, None or blank one counts as not given. With nothing
    to go by it is `Customer N`, N being `customer_id`. At most 201 characters.
    """
    if values.get("customer_type") in ORGANISATIONS and values.get("company"):
        return str(values["company"])
    person = " ".join(part for key in ("first_name", "last_name") if (part := values.get(key)))
    name = person or values.get("username") or values.get("phone_number")
    return name or f"Customer {customer_id}"


def name_columns(values: Mapping[str, Any], customer_id: int) -> dict[str, str]:
    """The two columns of the customer that are computed: `display_name` and `name_folded`."""
    name = display_name_of(values, customer_id)
    return {"display_name": name, "name_folded": fold(name)}
