"""What a customer is called."""

from __future__ import annotations

import pytest

from crm.names import display_name_of, name_columns


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"first_name": "Sara", "last_name": "Ahmadi", "username": "sara"}, "Sara Ahmadi"),
        ({"first_name": "Sara"}, "Sara"),
        ({"last_name": "Ahmadi", "phone_number": "+989123456789"}, "Ahmadi"),
        ({"username": "sara", "phone_number": "+989123456789"}, "sara"),
        ({"first_name": "", "phone_number": "+989123456789"}, "+989123456789"),
        ({}, "Customer 7"),
        ({"customer_type": "company", "company": "Lotus", "first_name": "Sara"}, "Lotus"),
        ({"customer_type": "non-profit", "company": "Lotus", "first_name": "Sara"}, "Lotus"),
        ({"customer_type": "government", "company": None, "first_name": "Sara"}, "Sara"),
        ({"customer_type": "individual", "company": "Lotus", "first_name": "Sara"}, "Sara"),
    ],
)
def test_a_customer_is_called_by_the_first_thing_known(
    values: dict[str, str | None], name: str
) -> None:
    assert display_name_of(values, 7) == name


def test_the_name_is_kept_folded_beside_the_one_shown() -> None:
    assert name_columns({"first_name": "علي"}, 7) == {"display_name": "علي", "name_folded": "علی"}
