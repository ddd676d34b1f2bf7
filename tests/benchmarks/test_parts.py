"""A turn is taken apart into parts that are all there and are no more than the whole."""

from benchmarks.harness import Result
from benchmarks.lead_capture import Load
from benchmarks.parts import PARTS, measure


def test_every_part_of_a_turn_takes_time_and_what_is_left_is_not_less_than_nothing() -> None:
    results = {line.name: line for line in measure(rounds=1, load=Load(opened=8, walked=8))}

    def of(in_flight: int, part: str) -> Result:
        return results[f"a turn with {in_flight} in flight: {part}"]

    assert all(of(1, part).value > 0 for part in (*PARTS, "else"))
    assert all(of(256, part).value > 0 for part in PARTS)
