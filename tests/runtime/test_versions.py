"""A flow is changed while people are in the middle of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest

from crm.services.movings import is_moving_wanted
from crm.tables import run, timer, visit
from rapport.build import apply_loaded
from rapport.runtime.library import LibraryOutdated
from rapport.runtime.moving import Mover, move_piece
from rapport.runtime.reading import Reader
from rapport.runtime.writer import InlineWriter
from tests.support import aio
from tests.support.desk import Office, load

pytestmark = pytest.mark.usefixtures("on_both_stores")

FIRST = """
flow: order
triggers: [{on: command, command: start}]
vars: {n: 1}
nodes:
  - id: birthday
    ask: When is your birthday?
    save_to: birth_date
    timeout: {after: 2h, remind: [{after: 30m, text: Still there?}]}
  - id: colour
    ask: Which colour?
    choices: [red, {text: Navy, value: blue, goto: dark}, green]
    save_to: var.colour
  - {id: light, say: "Light {{ var.colour }}", end: light}
  - {id: dark, say: "Dark {{ var.colour }}", end: dark}
"""


def office() -> Office:
    return Office(FIRST)


def follow_all(at: Office, limit: int = 200) -> Counter[str]:
    """The whole pass, piece by piece."""
    total, more = Counter[str](), True
    while more:
        with at.engine.begin() as db:
            piece = move_piece(db, at.library, at.clock.now(), limit)
        total, more = total + piece.fates, piece.more
    return total


def change(at: Office, text: str) -> Office:
    """Apply a new text a moment later."""
    at.clock.set(at.clock.now() + timedelta(seconds=1))
    at.apply(text)
    return at


def versions(at: Office) -> list[tuple[int, str]]:
    return at.rows(run, "flow_version", "node")


# -- who moves


def test_who_waits_is_answered_by_the_new_version_and_keeps_what_they_said() -> None:
    at = office()
    at.says("/start", "banana").said()
    change(at, FIRST.replace("Which colour?", "What colour?"))
    assert at.says("1990-05-15").said() == ["What colour?"]
    assert versions(at) == [(2, "colour")]


@pytest.mark.parametrize("eagerly", [False, True])
def test_a_renamed_node_takes_its_people_along(eagerly: bool) -> None:
    at = office()
    at.says("/start").said()
    change(at, FIRST.replace("id: birthday", "id: born\n    was: birthday"))
    if eagerly:
        assert follow_all(at) == {"move": 1}
        assert versions(at) == [(2, "born")]
    assert at.says("1990-05-15").said() == ["Which colour?"]
    assert at.rows(visit, "node") == ["born"]


@pytest.mark.parametrize("eagerly", [False, True])
def test_who_waits_at_a_node_that_is_gone_finishes_on_their_version(eagerly: bool) -> None:
    at = office()
    at.says("/start").said()
    without = FIRST[: FIRST.index("  - id: birthday")] + FIRST[FIRST.index("  - id: colour") :]
    change(at, without.replace("Which colour?", "What colour?"))
    if eagerly:
        assert follow_all(at) == {"finish": 1}
    assert at.says("1990-05-15").said() == ["Which colour?"]
    # It does not jump into the new version because it has come to a node that is there.
    follow_all(at)
    assert versions(at) == [(1, "colour")]


def test_who_finishes_is_asked_again_by_the_version_after() -> None:
    at = office()
    at.says("/start").said()
    change(at, FIRST.replace("id: birthday", "id: other"))
    at.says("1990-05-15").said()
    change(at, FIRST.replace("Light", "Bright"))
    assert at.says("red").said() == ["Bright red"]


def test_a_node_of_another_kind_under_the_same_id_moves_nobody() -> None:
    at = office()
    at.says("/start").said()
    at.advance("1m")
    question = FIRST[FIRST.index("  - id: birthday") : FIRST.index("  - id: colour")]
    change(at, FIRST.replace(question, "  - {id: birthday, delay: 2d}\n"))
    assert follow_all(at) == {"finish": 1}
    assert at.says("1990-05-15").said() == ["Which colour?"]


def test_nobody_moves_where_the_flow_says_that_they_finish() -> None:
    at = office()
    at.says("/start").said()
    change(at, FIRST.replace("vars:", "on_update: finish\nvars:").replace("Which", "What"))
    assert follow_all(at) == {"finish": 1}
    assert at.says("1990-05-15").said() == ["Which colour?"]


def test_a_question_without_an_id_is_known_by_what_it_saves() -> None:
    first = "flow: f\ntriggers: [{on: command, command: start}]\nnodes:\n"
    ask = "  - {ask: Your name?, save_to: first_name}\n"
    at = Office(f"{first}{ask}  - say: One\n")
    at.says("/start").said()
    change(at, f"{first}  - say: Welcome\n  - set: {{nickname: x}}\n{ask}  - say: Two\n")
    assert at.says("Ann").said() == ["Two"]


def test_a_variable_that_is_new_begins_as_it_does_for_newcomers() -> None:
    at = office()
    at.says("/start").said()
    text = FIRST.replace("vars: {n: 1}", "vars: {n: 7, m: 5}")
    change(at, text.replace("Which colour?", "Colour {{ var.n }} {{ var.m }}?"))
    assert at.says("1990-05-15").said() == ["Colour 1 5?"]


# -- what stays


def test_the_end_of_a_question_stays_and_the_new_version_says_what_follows() -> None:
    at = office()
    at.says("/start")
    at.advance("29m")
    (due,) = at.rows(timer, "due_at")
    text = FIRST.replace("Still there?", "Are you there?").replace("after: 2h", "after: 9h")
    text += "  - {id: gave_up, say: Bye}\n"
    change(at, text.replace("Are you there?}]}", "Are you there?}], goto: gave_up}"))
    follow_all(at)
    assert at.rows(timer, "due_at") == [due]
    at.said()
    assert at.advance("1m").said() == ["Are you there?"]
    assert at.advance("91m").said() == ["Bye"]


def test_attempts_are_kept_and_a_new_limit_counts_them() -> None:
    at = office()
    at.says("/start", "banana", "apple").said()
    retry = "    retry: {text: No date., attempts: 3, goto: colour}\n"
    change(at, FIRST.replace("    save_to: birth_date\n", f"    save_to: birth_date\n{retry}"))
    assert at.says("pear").said() == ["Which colour?"]


def test_a_button_is_worth_its_value_and_leads_where_that_leads_now() -> None:
    at = office()
    at.says("/start", "1990-05-15")
    choices = "choices: [{text: Crimson, value: red, goto: dark}, {text: Sea, value: blue}]"
    old = FIRST[FIRST.index("choices:") : FIRST.index("    save_to: var.colour")]
    change(at, FIRST.replace(old, f"{choices}\n"))
    at.says("/start", "1990-05-15", peer="bob")
    at.presses("red")
    assert at.said()[-1] == "Dark red"


def test_a_button_whose_value_is_gone_is_answered_with_the_new_ones() -> None:
    at = office()
    at.says("/start", "1990-05-15")
    change(at, FIRST.replace(", green]", ", white]"))
    at.presses("green")
    answer = at.shown[-1].outgoing()
    assert answer.text.endswith("\nWhich colour?")
    assert [button.label for row in answer.buttons for button in row] == ["red", "Navy", "white"]
    assert at.presses("white").said()[-1] == "Light white"


def test_a_label_of_the_new_version_is_an_answer_before_it_was_shown() -> None:
    at = office()
    at.says("/start", "1990-05-15").said()
    change(at, FIRST.replace("text: Navy", "text: Sea"))
    assert at.says("sea").said() == ["Dark blue"]


def test_a_number_means_the_buttons_that_were_shown_last() -> None:
    at = office()
    at.says("/start", "1990-05-15").said()
    change(
        at, FIRST.replace("choices: [red, {", "choices: [{").replace(", green]", ", green, red]")
    )
    assert at.says("1", peer="ann").said() == ["Light red"]
    at.says("/start", "1990-05-15", "1")
    assert at.said()[-1] == "Dark blue"


# -- sleeping, calling, beginning anew


def test_a_delay_goes_on_at_its_moment_by_the_new_version() -> None:
    first = "flow: f\ntriggers: [{on: command, command: start}]\nnodes:\n"
    at = Office(f"{first}  - {{delay: 2d}}\n  - say: One\n")
    at.says("/start")
    change(at, f"{first}  - {{delay: 5d}}\n  - say: Two\n")
    assert follow_all(at) == {"move": 1}
    assert at.advance("2d").said() == ["Two"]


CALLING = """
flow: outer
triggers: [{on: command, command: go}]
nodes: [{id: c, call: inner, with: {b: 2}}, {say: "outer {{ answer.a }}"}]
---
flow: inner
vars: {b: 0}
nodes: [{ask: "A {{ var.b }}?", save_to: var.a}, {say: inner one}]
"""


def test_each_flow_of_a_call_moves_by_itself() -> None:
    at = Office(CALLING)
    at.says("/go").said()
    text = CALLING.replace("inner one", "inner two").replace('"outer', '"OUTER')
    change(at, text.replace("id: c,", "id: d, was: c,"))
    assert follow_all(at) == {"move": 2}
    assert at.says("x").said() == ["inner two", "OUTER x"]


def test_a_call_that_is_gone_lets_the_caller_finish_on_its_version() -> None:
    at = Office(CALLING)
    at.says("/go").said()
    text = CALLING.replace("inner one", "inner two").replace('"outer', '"OUTER')
    change(at, text.replace("id: c,", "id: d,"))
    assert follow_all(at) == {"move": 1, "finish": 1}
    assert at.says("x").said() == ["inner two", "outer x"]


RESTARTED = FIRST.replace("vars:", "on_update: restart\nvars:").replace("When is", "What is")


def test_who_waits_begins_anew_where_the_flow_says_so() -> None:
    at = office()
    at.says("/start", "1990-05-15").said()
    change(at, RESTARTED)
    assert follow_all(at) == {"restart": 1}
    at.drive.settle_down()
    assert at.said() == ["What is your birthday?"]
    assert versions(at) == [(2, "birthday")]
    assert at.rows(visit, "node", "left_by")[-1] == ("colour", "restarted")
    assert at.says("1990-05-15").said() == ["Which colour?"]


def test_what_was_said_to_the_question_before_is_no_answer_to_the_new_one() -> None:
    at = office()
    at.says("/start").said()
    change(at, RESTARTED)
    assert at.says("1990-05-15").said() == ["What is your birthday?"]
    assert at.customer("birth_date") is None
    follow_all(at)
    assert at.advance("1s").said() == []


def test_who_opted_out_is_not_written_to_but_finishes() -> None:
    pause = "flow: f\ntriggers: [{on: command, command: start}]\nnodes: [{delay: 2d}, {say: One}]\n"
    at = Office(pause)
    at.says("/start", "stop").said()
    change(at, pause.replace("nodes: [", "on_update: restart\nnodes: [{say: Anew}, "))
    follow_all(at)
    at.drive.settle_down()
    assert at.said() == []
    assert at.rows(run, "flow_version", "status") == [(1, "sleeping")]


def test_a_called_flow_begins_anew_by_itself_with_what_it_was_given() -> None:
    at = Office(CALLING)
    at.says("/go").said()
    change(at, CALLING.replace("vars: {b: 0}", "on_update: restart\nvars: {b: 0, c: 3}"))
    follow_all(at)
    at.drive.settle_down()
    assert at.said() == ["A 2?"]
    assert at.says("x").said() == ["inner one", "outer x"]


# -- forms


FORM = """
flow: f
triggers: [{on: command, command: start}]
nodes:
  - {id: who, form: [first_name, {save_to: size}, {save_to: nickname}], confirm: All right?}
  - say: Done
"""


def test_a_form_goes_on_at_the_question_that_is_open_wherever_it_stands_now() -> None:
    at = Office(FORM)
    at.says("/start", "Ann").said()
    change(at, FORM.replace("[first_name, {save_to: size}", "[{save_to: size}, first_name"))
    at.says("30")
    assert (at.customer("size"), at.customer("first_name")) == (30, "Ann")


def test_a_form_without_the_open_question_is_finished_on_its_version() -> None:
    at = Office(FORM)
    at.says("/start", "Ann").said()
    change(at, FORM.replace("{save_to: size}, ", ""))
    assert follow_all(at) == {"finish": 1}
    assert at.says("30").said() == ["Nickname"]


def test_a_button_of_the_list_corrects_the_same_answer_as_before() -> None:
    at = Office(FORM)
    at.says("/start", "Ann", "30", "Nan")
    change(at, FORM.replace("[first_name, {save_to: size}", "[{save_to: size}, first_name"))
    assert at.presses("First name").said()[-1] == "First name"
    at.says("Bea")
    assert at.customer("first_name") == "Bea"


# -- the pass


def test_the_pass_goes_by_pieces_and_anybody_may_go_on_with_it() -> None:
    at = office()
    for peer in "abcde":
        at.says("/start", peer=peer)
    change(at, FIRST.replace("Which", "What"))
    with at.engine.begin() as db:
        assert move_piece(db, at.library, at.clock.now(), limit=2).more
    assert [number for number, _ in versions(at)] == [2, 2, 1, 1, 1]
    assert follow_all(at, limit=2) == {"move": 3}
    with at.engine.begin() as db:
        assert not is_moving_wanted(db, at.library.business_id)
    assert [number for number, _ in versions(at)] == [2] * 5


def test_the_pass_of_an_outdated_library_moves_nobody() -> None:
    at = office()
    at.says("/start")
    change(at, FIRST.replace("Which", "What"))
    old = at.library
    change(at, FIRST.replace("Which", "Whose"))
    with at.engine.begin() as db, pytest.raises(LibraryOutdated):
        move_piece(db, old, at.clock.now())


def test_a_first_version_and_an_unchanged_one_move_nobody() -> None:
    at = office()
    at.says("/start")
    change(at, FIRST)
    with at.engine.begin() as db:
        assert not is_moving_wanted(db, at.library.business_id)


def test_a_turn_that_began_with_the_version_before_does_nothing_by_it() -> None:
    at = office()
    at.says("/start").said()
    later = at.clock.now() + timedelta(seconds=1)
    changed = load(FIRST.replace("Which", "What").replace("When is", "What is"))
    with at.engine.begin() as db:
        apply_loaded(db, changed, later)
    # Nobody has told this process.
    assert at.says("1990-05-15").said() == ["What colour?"]
    assert at.says("/start", peer="bob").said("bob") == ["What is your birthday?"]
    assert versions(at) == [(2, "colour"), (2, "birthday")]


def mover(at: Office) -> Mover:
    return Mover(at.desk, InlineWriter(at.engine), Reader(at.engine), at.clock)


def test_a_process_moves_everybody_and_then_nobody() -> None:
    at = office()
    for peer in "abc":
        at.says("/start", peer=peer)
    change(at, FIRST.replace("Which", "What"))
    assert aio.run(mover(at).move_all()) == {"move": 3}
    assert aio.run(mover(at).move_all()) == {}


def test_what_another_process_has_left_undone_is_gone_on_with() -> None:
    at = office()
    for peer in "abc":
        at.says("/start", peer=peer)
    change(at, FIRST.replace("Which", "What"))
    with at.engine.begin() as db:
        assert move_piece(db, at.library, at.clock.now(), limit=2).more

    async def main() -> None:
        running = asyncio.create_task(mover(at).run())
        while [number for number, _ in versions(at)] != [2, 2, 2]:  # noqa: ASYNC110 - a table tells nobody
            await asyncio.sleep(0.001)
        running.cancel()

    aio.run(main())


def test_a_piece_that_is_undone_is_done_again() -> None:
    at = office()
    at.says("/start")
    change(at, FIRST.replace("Which", "What"))
    with suppress(ZeroDivisionError), at.engine.begin() as db:
        assert move_piece(db, at.library, at.clock.now()).fates == {"move": 1}
        raise ZeroDivisionError
    assert versions(at) == [(1, "birthday")]
    assert follow_all(at) == {"move": 1}


WAITS = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - {id: wait, wait_for: {on: tag_added, tag: VIP}, timeout: 1d}
  - {say: Old}
---
flow: mark
triggers: [{on: command, command: mark}]
nodes: [{tag: {add: [VIP]}}]
"""


@pytest.mark.parametrize(
    ("event", "said"),
    [("{on: tag_added, tag: VIP, only: {tags: [VIP]}}", "New"), ("purchase", "Old")],
)
def test_who_waits_for_an_event_waits_for_no_other(event: str, said: str) -> None:
    at = Office(WAITS).says("/start")
    change(at, WAITS.replace("{on: tag_added, tag: VIP}", event, 1).replace("Old", "New"))
    assert at.says("/mark").said() == [said]
