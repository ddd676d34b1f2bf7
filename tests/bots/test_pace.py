"""Limits hold under any order of sends, and cost no memory for chats that are quiet."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.limits import TELEGRAM, UNPACED, Lane, Pace

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def send_all(pace: Pace, peers: list[str], lane: Lane = "live") -> list[datetime]:
    """Send one message to each, as soon as it may go; the moments at which they went."""
    now, went = NOON, []
    for peer in peers:
        now = pace.next_at(peer, now, lane)
        pace.sent(peer, now, lane)
        went.append(now)
    return went


def test_a_chat_gets_three_at_once_and_then_one_a_second() -> None:
    went = [(at - NOON).total_seconds() for at in send_all(Pace(TELEGRAM), ["7"] * 6)]
    assert went == [0, 0, 0, 1, 2, 3]


def test_a_chat_that_was_quiet_may_burst_again() -> None:
    pace = Pace(TELEGRAM)
    send_all(pace, ["7"] * 3)
    assert pace.next_at("7", NOON + seconds(1)) == NOON + seconds(1)
    later = NOON + seconds(3)
    for _ in range(3):
        assert pace.next_at("7", later) == later
        pace.sent("7", later)
    assert pace.next_at("7", later) == later + seconds(1)


def test_a_chat_that_waits_holds_nobody_else() -> None:
    pace = Pace(TELEGRAM)
    pace.throttled("7", 60, NOON)
    assert pace.next_at("7", NOON) == NOON + seconds(60)
    assert pace.next_at("8", NOON) == NOON


def test_for_a_minute_after_being_throttled_a_chat_gets_no_burst() -> None:
    pace = Pace(TELEGRAM)
    pace.throttled("7", 5, NOON)
    went = [(at - NOON).total_seconds() for at in send_all(pace, ["7"] * 3)]
    assert went == [5, 6, 7]
    calm = NOON + seconds(5 + 60 + 3)
    assert pace.next_at("7", calm) == calm
    pace.sent("7", calm)
    assert pace.next_at("7", calm) == calm


@given(st.lists(st.sampled_from(["-1", "-2", "7", "8"]), min_size=1, max_size=60))
def test_no_order_of_sends_exceeds_a_limit(peers: list[str]) -> None:
    went = send_all(Pace(TELEGRAM), peers)
    assert went == sorted(went)
    assert most_within(went, seconds(1)) <= 30
    for group in ("-1", "-2"):
        mine = [at for at, peer in zip(went, peers, strict=True) if peer == group]
        assert most_within(mine, seconds(60)) <= 20


def most_within(moments: list[datetime], span: timedelta) -> int:
    """The largest number of moments in any half-open interval of this length."""
    return max((sum(at <= one < at + span for one in moments) for at in moments), default=0)


def test_the_account_sends_25_a_second_to_many_chats() -> None:
    went = send_all(Pace(TELEGRAM), [str(n) for n in range(255)])
    assert went[-1] - NOON == seconds(10)


def test_automated_messages_leave_a_fifth_of_the_rate_to_live_conversation() -> None:
    pace = Pace(TELEGRAM)
    went = send_all(pace, [str(n) for n in range(201)], "automated")
    assert went[-1] - NOON == seconds(10)
    assert pace.next_at("live", went[-1]) == went[-1]
    assert pace.next_at("bulk", went[-1], "automated") == went[-1] + seconds(0.05)


def test_the_rate_of_the_account_can_be_set() -> None:
    went = send_all(Pace(TELEGRAM.at(100)), [str(n) for n in range(120)])
    assert went[-1] - NOON == seconds(1)


def test_the_rate_of_a_chat_can_be_set_by_itself() -> None:
    went = send_all(Pace(TELEGRAM.at(per_chat=10)), ["7"] * 13)
    assert went[-1] - NOON == seconds(1)
    others = send_all(Pace(TELEGRAM.at(per_chat=10)), [str(n) for n in range(205)])
    assert others[-1] - NOON == seconds(8)


@pytest.mark.parametrize("rate", [0, -1])
def test_a_rate_is_above_zero(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        TELEGRAM.at(rate)
    with pytest.raises(ValueError, match="above 0"):
        TELEGRAM.at(per_chat=rate)


def test_without_limits_everything_goes_at_once() -> None:
    assert set(send_all(Pace(UNPACED), ["7"] * 100, "automated")) == {NOON}


def test_a_clock_set_back_an_hour_does_not_silence_anybody_for_an_hour() -> None:
    pace = Pace(TELEGRAM)
    send_all(pace, ["7"] * 6)
    earlier = NOON - timedelta(hours=1)
    assert pace.next_at("7", earlier) <= earlier + seconds(1)


def test_chats_that_are_quiet_take_no_memory() -> None:
    pace = Pace(TELEGRAM.at(10_000))
    now = NOON
    for number in range(20_000):
        now = pace.next_at(str(number), now)
        pace.sent(str(number), now)
        if number % 100 == 0:
            pace.throttled(str(number), 1, now)
        now += seconds(0.1)
    assert pace.remembered() < 2_000
