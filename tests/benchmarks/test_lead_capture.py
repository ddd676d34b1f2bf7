"""A race is fair only if every contender did the work: the peer does; if not, it is noticed."""

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.contender import WrongResultError, open_all, walk
from benchmarks.crowd import QUESTIONS, Crowd
from benchmarks.lead_capture import Field, Load, race
from benchmarks.peers.aiogram_contender import AiogramContender

PEOPLE = 12
WALKED = 9
DOUBLED = (
    "INSERT INTO field_history (customer_id, field, new_value, changed_by, changed_at)"
    " SELECT customer_id, field, new_value, changed_by, changed_at FROM field_history LIMIT 1"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the databases of the fixtures below, for each test to copy."""
    folder = tmp_path_factory.mktemp("peer")
    asyncio.run(open_all(AiogramContender(), folder / "opened.db", Crowd(PEOPLE)))
    shutil.copy(folder / "opened.db", folder / "walked.db")
    _walk(folder / "walked.db")
    return folder


@pytest.fixture
def opened(made: Path, tmp_path: Path) -> Path:
    """A database in which the peer has asked everybody the first question."""
    return Path(shutil.copy(made / "opened.db", tmp_path))


@pytest.fixture
def walked(made: Path, tmp_path: Path) -> Path:
    """A database in which the first `WALKED` people have answered all questions."""
    return Path(shutil.copy(made / "walked.db", tmp_path))


def _walk(database: Path, in_flight: int = 256) -> int:
    stats = asyncio.run(walk(AiogramContender(), database, Crowd(PEOPLE), WALKED, in_flight))
    assert len(stats.latencies) == stats.turns
    return stats.turns


@pytest.mark.parametrize("in_flight", [1, 256])
def test_the_peer_stores_every_answer_once(opened: Path, in_flight: int) -> None:
    assert _walk(opened, in_flight) == WALKED * len(QUESTIONS)
    AiogramContender().check(opened, Crowd(PEOPLE), WALKED)


def test_the_check_notices_answers_that_were_expected_and_not_given(opened: Path) -> None:
    with pytest.raises(WrongResultError):
        AiogramContender().check(opened, Crowd(PEOPLE), 1)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE customer SET shoe_size = shoe_size + 1 WHERE id = 3",
        "DELETE FROM timeline WHERE id = 20",
        "DELETE FROM customer_tag WHERE customer_id = 2",
        "UPDATE conversation SET state = 'Lead:email' WHERE customer_id = 2",
        DOUBLED,
    ],
)
def test_the_check_notices_a_row_that_is_wrong_missing_or_doubled(
    walked: Path, damage: str
) -> None:
    with closing(sqlite3.connect(walked)) as connection, connection:
        assert connection.execute(damage).rowcount == 1
    with pytest.raises(WrongResultError):
        AiogramContender().check(walked, Crowd(PEOPLE), WALKED)


def _typed(update: str, text: str) -> str:
    changed = json.loads(update)
    changed["message"]["text"] = text
    return json.dumps(changed)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("first_name", "x" * 101),
        ("birth_date", "31/02/1990"),
        ("birth_date", "2999-01-01"),
        ("shoe_size", "large"),
        ("shoe_size", "60"),
        ("email", "sara at example.com"),
    ],
)
def test_the_peer_asks_again_after_a_reply_that_is_not_valid(
    opened: Path, question: str, text: str
) -> None:
    crowd = Crowd(PEOPLE)
    place = QUESTIONS.index(question)

    async def talk() -> None:
        contender = AiogramContender()
        await contender.start(opened, crowd)
        for earlier in range(place):
            await contender.turn(crowd.reply(0, earlier))
        await contender.turn(_typed(crowd.reply(0, place), text))
        await contender.stop()

    asyncio.run(talk())
    with closing(sqlite3.connect(opened)) as connection:
        answers = connection.execute(
            f"SELECT {', '.join(QUESTIONS)} FROM customer WHERE telegram_id = ?",
            (crowd.people[0].chat_id,),
        ).fetchone()
        (state,) = connection.execute(
            "SELECT state FROM conversation WHERE chat_id = ?", (crowd.people[0].chat_id,)
        ).fetchone()
    assert [answer is not None for answer in answers] == [n < place for n in range(len(QUESTIONS))]
    assert state == f"Lead:{question}"


def test_runs_start_from_copies_so_that_all_meet_the_same_conversations(tmp_path: Path) -> None:
    field = Field(tmp_path, Load(opened=4, walked=2))
    field.prepare("peer", AiogramContender())
    turns = [field.run("peer", AiogramContender(), 2).turns for _ in range(2)]
    assert turns == [2 * len(QUESTIONS)] * 2


def test_a_race_of_the_peer_with_itself_is_won_by_nobody() -> None:
    lines = race(AiogramContender(), AiogramContender(), 1, Load(opened=4, walked=2))
    assert [line.unit for line in lines] == ["turns/s", "turns/s", "ms"]
    assert not any(line.ok for line in lines if line.unit == "turns/s")


def test_nobody_presses_a_button_that_was_not_sent() -> None:
    crowd = Crowd(1)
    with pytest.raises(KeyError):
        crowd.reply(0, QUESTIONS.index("favorite_category"))
