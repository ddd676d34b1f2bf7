"""`rapport chat`: lines in, messages out; time moves when it is told to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from crm.database import open_engine
from crm.tables import account, business
from rapport.alone import OneAtATime
from tests.cli.conftest import Command
from tests.crm.businesses import NOW
from tests.support.small_project import FLOW, TESTS, write_project

ORDER = "/start\n42\n/press 1\n"


def test_a_conversation_is_a_line_for_each_message_and_button(
    rapport: Command, project: Path
) -> None:
    ended = rapport("chat", project, typed=ORDER)
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "bot: Hello",
        "bot: Which size? ⏎ A number.",
        "bot: Which colour?",
        "[1] Red",
        "[2] Blue",
        "bot: Done: 42",
    ]


def test_how_to_connect_telegram_is_said_once_and_not_among_the_messages(
    rapport: Command, project: Path
) -> None:
    ended = rapport("chat", project, typed="")
    assert (ended.code, ended.out) == (0, "")
    assert "TELEGRAM_BOT_TOKEN" in ended.err
    assert ended.err.count("\n") == 1


def test_a_bare_number_is_said_to_the_bot_and_presses_nothing(
    rapport: Command, project: Path
) -> None:
    ended = rapport("chat", project, typed="/start\n2\n")
    assert ended.out.splitlines()[-3:] == ["bot: Which colour?", "[1] Red", "[2] Blue"]


def test_what_falls_due_while_time_advances_is_said_before_the_next_line(
    rapport: Command, project: Path
) -> None:
    ended = rapport("chat", project, typed="/start\n/advance 45m\n7\n")
    assert ended.out.splitlines()[2:4] == ["bot: Still there?", "bot: Which colour?"]


def test_a_later_chat_goes_on_where_the_earlier_was_and_not_back_in_time(
    rapport: Command, project: Path
) -> None:
    rapport("chat", project, "--as", "sara", typed="/start\n/advance 20m\n")
    ended = rapport("chat", project, "--as", "sara", typed="/advance 10m\n7\n")
    assert ended.out.splitlines()[:2] == ["bot: Still there?", "bot: Which colour?"]


def test_a_fresh_chat_has_forgotten_everything(rapport: Command, project: Path) -> None:
    rapport("chat", project, typed=ORDER)
    ended = rapport("chat", project, "--fresh", typed="/show\n")
    assert ended.out == "note: nobody knows me yet: say something first\n"


def test_somebody_new_speaks_the_language_given(rapport: Command, project: Path) -> None:
    ended = rapport("chat", project, "--as", "sara", "--language", "fa", typed="/start\n/show\n")
    assert ended.out.splitlines()[:2] == ["bot: سلام", "bot: چه سایزی؟"]
    assert "  language: fa" in ended.out.splitlines()


def test_the_language_of_a_customer_who_is_there_stays_and_that_is_said(
    rapport: Command, project: Path
) -> None:
    rapport("chat", project, typed="/start\n")
    ended = rapport("chat", project, "--language", "fa", typed="7\n")
    assert ended.out.splitlines()[:2] == [
        "note: me is a customer already: --language is for somebody new",
        "bot: Which colour?",
    ]


def test_a_language_that_the_business_does_not_speak_is_refused(
    rapport: Command, project: Path
) -> None:
    ended = rapport("chat", project, "--language", "de", typed="/start\n")
    assert ended.code == 2
    assert ended.err == "rapport: the business does not speak 'de' (it speaks en, fa)\n"


def test_show_tells_what_is_known_of_the_customer(rapport: Command, project: Path) -> None:
    shown = rapport("chat", project, typed=f"{ORDER}/show\n").out.splitlines()
    assert "  size: 42" in shown
    assert "  colour: red" in shown
    assert "  tags: Asked" in shown


def test_quit_ends_before_the_rest_is_read(rapport: Command, project: Path) -> None:
    ended = rapport("chat", project, typed="/quit\n/start\n")
    assert (ended.code, ended.out) == (0, "")


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("/press 3", "there is no button 3 to press"),
        ("/press red", "/press wants the number of a button, as in /press 1"),
        ("/advance 5", "a duration wants its unit"),
    ],
)
def test_what_the_terminal_cannot_do_is_a_note(
    rapport: Command, project: Path, line: str, note: str
) -> None:
    ended = rapport("chat", project, typed=f"{line}\n")
    assert ended.code == 0
    assert ended.out.startswith("note: ")
    assert note in ended.out


def test_messages_for_somebody_else_are_marked_as_theirs(rapport: Command, project: Path) -> None:
    rapport("chat", project, "--as", "bob", typed="/start\n")
    ended = rapport("chat", project, "--as", "ali", typed="/advance 45m\n")
    assert ended.out == "(to bob) 'Still there?'\n"


def test_a_changed_flow_is_applied_and_an_open_question_survives_it(
    rapport: Command, project: Path
) -> None:
    rapport("chat", project, typed="/start\n")
    write_project(project, order=FLOW.replace("Done:", "Ready:"))
    assert rapport("chat", project, typed="7\n").out.startswith("bot: Which colour?")


def test_a_project_with_errors_is_not_talked_to(rapport: Command, project: Path) -> None:
    write_project(project, order=FLOW.replace("end: ordered", "goto: nowhere"))
    ended = rapport("chat", project, typed="/start\n")
    assert (ended.code, ended.out) == (1, "")
    assert "E103" in ended.err
    assert not (project / ".rapport").exists()


def test_two_chats_at_once_on_one_database_are_refused(rapport: Command, project: Path) -> None:
    rapport("chat", project, typed="")
    with OneAtATime(project / ".rapport" / "chat.db"):
        ended = rapport("chat", project, typed="/start\n")
    assert ended.code == 2
    assert ended.err == f"rapport: this database is in use by process {os.getpid()}\n"


def test_time_is_not_moved_where_another_channel_lives(
    rapport: Command, project: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    rapport("chat", project, "--db", url, typed="/start\n")
    engine = open_engine(url)
    with engine.begin() as db:
        business_id = db.execute(select(business.c.id)).scalar_one()
        db.execute(
            insert(account).values(
                business_id=business_id, channel="telegram", external_id="1", created_at=NOW
            )
        )
    engine.dispose()
    ended = rapport("chat", project, "--db", url, typed="/advance 45m\n")
    assert ended.out == "note: time cannot be moved here: telegram lives in this database too\n"


def test_fresh_never_empties_a_database_given(rapport: Command, project: Path) -> None:
    assert rapport("chat", project, "--fresh", "--db", "sqlite:///other.db").code == 2


def test_the_program_itself_talks_over_a_pipe(project: Path) -> None:
    program = Path(sys.executable).parent / "rapport"
    typed = "/start\n۴۲\nسرخ\n".encode()
    ended = subprocess.run(
        [program, "chat", project, "--as", "سارا"], input=typed, capture_output=True, check=True
    )
    assert ended.stdout.decode().splitlines()[-1] == "bot: Done: 42"


def test_a_recorded_conversation_is_a_test_that_passes(rapport: Command, project: Path) -> None:
    said = "/start\nbanana\n/advance 45m\n/show\n42\n/press 1\n"
    ended = rapport("chat", project, "--record", project / "said.yaml", typed=said)
    assert ended.code == 0, ended.err
    written = (project / "said.yaml").read_text(encoding="utf-8")
    steps = written.partition("steps:\n")[2]
    assert steps.startswith(
        '  - user: "/start"\n  - bot: Hello\n  - bot: "Which size?\\nA number."\n  - user: banana\n'
    )
    assert "  - advance: 45m\n  - bot: Still there?\n" in steps
    assert "  - bot: {contains: Which colour?, buttons: [Red, Blue]}\n  - press: Red\n" in steps
    assert steps.endswith(
        '  - expect: {outcome: ordered, customer.colour: red, customer.size: "42"}\n'
    )
    assert rapport("test", project).out.endswith("2 passed, 0 failed\n")
    assert not (project / ".rapport").exists()


def test_a_second_recording_stands_behind_the_first(rapport: Command, project: Path) -> None:
    spoken = ("--language", "fa", "--record", project / "tests.yaml")
    assert rapport("chat", project, *spoken, typed="/start\n").code == 0
    written = (project / "tests.yaml").read_text(encoding="utf-8")
    assert written.startswith(TESTS + "---\n")
    assert "  - bot: سلام\n" in written
    assert rapport("test", project).out.endswith("2 passed, 0 failed\n")


def test_a_conversation_that_no_flow_answered_is_no_test(rapport: Command, project: Path) -> None:
    ended = rapport("chat", project, "--record", project / "said.yaml", typed="/nothing\n")
    assert (ended.code, ended.err.splitlines()[-1]) == (
        1, "rapport: no flow has answered: nothing was recorded",
    )  # fmt: skip
    assert not (project / "said.yaml").exists()


def test_what_is_recorded_begins_anew(rapport: Command, project: Path) -> None:
    ended = rapport("chat", project, "--record", "said.yaml", "--db", "sqlite:///x.db")
    assert (ended.code, ended.out) == (2, "")
