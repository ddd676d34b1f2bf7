"""Platform numbers: one place, each with its source, in units that can be measured."""

import pytest

from engine import limits
from engine.limits import Limit, Unit, measure


@pytest.mark.parametrize(
    ("text", "unit", "length"),
    [
        ("abc", "utf16", 3),
        ("سلام", "utf16", 4),
        ("سلام", "bytes", 8),
        ("😀", "utf16", 2),
        ("😀", "bytes", 4),
        ("😀", "characters", 1),
        ("\ud800", "utf16", 1),
    ],
)
def test_a_text_is_measured_in_the_units_of_its_platform(
    text: str, unit: Unit, length: int
) -> None:
    assert measure(text, unit) == length


def test_what_is_no_unit_of_text_does_not_measure_any() -> None:
    with pytest.raises(ValueError, match="per_second"):
        measure("abc", "per_second")


def test_every_number_says_where_and_when_it_was_read() -> None:
    numbers = [value for value in vars(limits).values() if isinstance(value, Limit)]
    for channel in limits.CHANNELS.values():
        named = (channel.text, channel.button_label, channel.buttons, channel.buttons_in_row)
        numbers += [limit for limit in named if limit is not None]
    assert len(numbers) > 10
    assert all(one.value > 0 and one.source and one.read_on >= "2026" for one in numbers)
