"""What holds for every conversation, whatever a person sends."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.effects import LearnDateOrder, SendMessage, SetField
from engine.messages import Message
from engine.offer import Answer
from engine.resume import Reply
from tests.engine.step.talk import Talk, load

FLOWS = load("""
flow: f
triggers: [{on: command, command: start}]
nodes:
  - id: born
    ask: Born?
    save_to: birth_date
    retry: {attempts: 5, goto: size}
    timeout: {after: 2h, remind: {after: 1h, text: Well?}, goto: size}
  - id: size
    ask: Size?
    save_to: shoe_size
  - form:
      - {save_to: email, skip: true}
      - {save_to: gender}
      - {save_to: pregnant, when: {gender: female}}
    confirm: Right?
  - ask: Again?
    choices: [[{text: "Yes", goto: born}, "No"], {text: Never, value: 0}]
    save_to: var.again
  - delay: 3h
  - call: phone
    goto: born
---
flow: phone
nodes:
  - {ask: Phone?, save_to: phone_number, overwrite: confirm, skip: [later]}
---
flow: help
nodes: [{say: Help}]
---
flow: g
nodes:
  - {id: likes, ask: What?, choose: many, choices: [[A, B], C], save_to: var.likes, back: true}
  - id: born
    ask: Born?
    save_to: birth_date
    merge_within: 2s
    back: [back]
    retry: {attempts: 3, goto: details}
  - {ask: Where?, expect: location, save_to: var.where, skip: true, back: true}
  - id: details
    form:
      - {save_to: gender, back: true}
      - {save_to: pregnant, when: {gender: female}, back: true, overwrite: confirm}
      - {save_to: visit, back: true, merge_within: 1m}
    confirm: Right?
  - {ask: Show me., expect: any, save_to: var.it, back: true, goto: likes}
""")

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            *("1990-05-15", "03/04/1990", "05/06/91", "banana", "42", "60", "۴۲", "a@b.example"),
            *("female", "male", "yes", "no", "Skip", "later", "All correct", "Gender", "Never"),
            *("back", "done", "A, c", "1, 2", "1990", "May 1990", "15 May", "tomorrow at 5", "C"),
            *("09123456789", "1", "2", "3", "", "\u200b", "x" * 5000, "9" * 400, "stop it"),
        ]
    ),
)
KINDS = st.sampled_from(
    [
        *("text", "text", "text", "edited", "sticker", "photo", "voice", "contact", "other"),
    ]
)
MEDIA = st.sampled_from([{}, {"phone_number": "989123456789", "own": True}, {"own": False}])
PLACE = {"latitude": 35.7, "longitude": 51.4}
MESSAGES = st.one_of(
    st.builds(
        Message,
        kind=KINDS,
        text=TEXTS,
        media=MEDIA,
        message_id=st.sampled_from(["", "m1", "m2"]),
        album=st.sampled_from(["", "", "a1"]),
    ),
    st.builds(
        lambda wait, place: Message(kind="press", token=f"1-{wait}.{place}"),
        st.integers(0, 9),
        st.integers(-1, 6),
    ),
    st.sampled_from(
        [
            Message(kind="command", text="/x", command="x"),
            Message(kind="location", media=PLACE),
            Message(kind="photo", media={"file_id": "p7"}),
        ]
    ),
)
SPANS = st.integers(1, 200).map(lambda n: timedelta(minutes=n)) | st.just(timedelta(seconds=2))
STEPS = st.lists(MESSAGES | SPANS, max_size=25)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from("fg"), STEPS)
def test_no_sequence_of_messages_and_timers_raises_or_leaves_two_waits(
    flow: str,
    steps: list[Message | timedelta],
) -> None:
    """The driver also holds that steps are repeatable and that every run survives storing."""
    talk = Talk(FLOWS).start(flow)
    seen: set[str] = set()
    for step in steps:
        talk.advance(step) if isinstance(step, timedelta) else talk.send(step)
        assert talk.run is not None
        assert (talk.run.status == "ended") is (talk.run.outcome is not None)
        if talk.run.wait is None:
            break
        seen.add(talk.run.wait.id)
        assert talk.run.wait.alarms, "every wait ends some time"
        numbers = sorted(int(wait_id.partition("-")[2]) for wait_id in seen)
        assert numbers[-1] == talk.run.waits, "the ids of waits only grow"


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_an_invalid_reply_never_moves_nor_stores_and_gets_at_most_one_message(
    message: Message,
) -> None:
    for node in ("born", "size"):
        talk = Talk(FLOWS).start("f")
        if node == "size":
            talk.user("1990-05-15")
        talk.effects.clear()
        before = talk.run
        assert before is not None
        if not isinstance(talk.decide(message), Answer):
            continue
        talk.resume(Reply(message))
        sent = [effect for effect in talk.effects if isinstance(effect, SendMessage)]
        stored = [effect for effect in talk.effects if isinstance(effect, SetField)]
        assert (talk.node == node) is not bool(stored), "stored if and only if it moved on"
        assert len(sent) <= 1
        if not stored:
            assert not any(isinstance(effect, LearnDateOrder) for effect in talk.effects)
            assert talk.run is not None
            assert talk.run.wait is not None
            assert before.wait is not None
            assert talk.run.wait.id == before.wait.id
            assert talk.run.wait.alarms == before.wait.alarms
