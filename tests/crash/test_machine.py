"""Whatever happens in whatever order comes out as if one thing had happened after another."""

from __future__ import annotations

import pytest

from tests.crash.machine import torment
from tests.support.database import DIALECTS

EXAMPLES = {"sqlite": 12, "postgresql": 4}


@pytest.mark.parametrize("store", DIALECTS)
def test_deaths_copies_wrong_orders_and_alarms_end_as_the_model_says(store: str) -> None:
    totals = torment(EXAMPLES[store], seed=1, store=store)
    assert totals.stories >= EXAMPLES[store]
    assert totals.deaths > 0
