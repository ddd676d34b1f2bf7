"""A race is fair only if every contender did the work: the peer does; if not, it is noticed."""

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.contender import Contender, WrongResultError, open_all, walk
from benchmarks.crowd import QUESTIONS, Crowd
from benchmarks.lead_capture import Field, Load, race
from benchmarks.peers.aiogram_contender import AiogramContender
from benchmarks.peers.ptb_contender import PtbContender
from benchmarks.stores import SqliteFiles, postgres_databases
from tests.support.database import need_postgresql

PEOPLE = 12
WALKED = 9
DOUBLED = (
    "INSERT INTO field_history (customer_id, field, new_value, changed_by, changed_at)"
    " SELECT customer_id, field, new_value, changed_by, changed_at FROM field_history LIMIT 1"
)


PEERS: dict[str, type[Contender]] = {"aiogram": AiogramContender, "ptb": PtbContender}
STATES = {"aiogram": "Lead:{}", "ptb": "{}"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the databases of the fixtures below, for each test to copy."""
    folder = tmp_path_factory.mktemp("peer")
    for name, peer in PEERS.items():
        asyncio.run(open_all(peer(), _url(folder / f"opened-{name}.db"), Crowd(PEOPLE)))
    shutil.copy(folder / "opened-aiogram.db", folder / "walked.db")
    _walk(AiogramContender(), folder / "walked.db")
    return folder


@pytest.fixture
def walked(made: Path, tmp_path: Path) -> Path:
    """A database in which the first `WALKED` people have answered all of aiogram's questions."""
    return Path(shutil.copy(made / "walked.db", tmp_path))


def _opened(made: Path, tmp_path: Path, name: str) -> Path:
    """A database in which that peer has asked everybody the first question."""
    return Path(shutil.copy(made / f"opened-{name}.db", tmp_path))


def _url(file: Path) -> str:
    return f"sqlite:///{file}"


def _walk(contender: Contender, database: Path, in_flight: int = 256) -> int:
    stats = asyncio.run(walk(contender, _url(database), Crowd(PEOPLE), WALKED, in_flight))
    assert len(stats.latencies) == stats.turns
    return stats.turns


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("in_flight", [1, 256])
def test_a_peer_stores_every_answer_once(
    made: Path, tmp_path: Path, name: str, in_flight: int
) -> None:
    opened, peer = _opened(made, tmp_path, name), PEERS[name]()
    assert _walk(peer, opened, in_flight) == WALKED * len(QUESTIONS)
    peer.check(_url(opened), Crowd(PEOPLE), WALKED)


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_does_the_same_on_postgresql(name: str) -> None:
    need_postgresql()
    with postgres_databases() as store:
        field = Field(store, Load(opened=4, walked=2))
        field.prepare(name, PEERS[name]())
        assert field.run(name, PEERS[name](), 2).turns == 2 * len(QUESTIONS)


def test_the_check_notices_answers_that_were_expected_and_not_given(
    made: Path, tmp_path: Path
) -> None:
    opened = _opened(made, tmp_path, "aiogram")
    with pytest.raises(WrongResultError):
        AiogramContender().check(_url(opened), Crowd(PEOPLE), 1)


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
        AiogramContender().check(_url(walked), Crowd(PEOPLE), WALKED)


def _typed(update: str, text: str) -> str:
    changed = json.loads(update)
    changed["message"]["text"] = text
    return json.dumps(changed)


@pytest.mark.parametrize("name", PEERS)
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
def test_a_peer_asks_again_after_a_reply_that_is_not_valid(
    made: Path, tmp_path: Path, name: str, question: str, text: str
) -> None:
    opened, crowd = _opened(made, tmp_path, name), Crowd(PEOPLE)
    place = QUESTIONS.index(question)

    async def talk() -> None:
        contender = PEERS[name]()
        await contender.start(_url(opened), crowd)
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
    assert state == STATES[name].format(question)


def test_runs_start_from_copies_so_that_all_meet_the_same_conversations(tmp_path: Path) -> None:
    field = Field(SqliteFiles(tmp_path), Load(opened=4, walked=2))
    field.prepare("peer", AiogramContender())
    turns = [field.run("peer", AiogramContender(), 2).turns for _ in range(2)]
    assert turns == [2 * len(QUESTIONS)] * 2


def test_a_race_of_a_peer_with_itself_is_won_by_nobody() -> None:
    peer = AiogramContender()
    lines = race(peer, (peer, PtbContender()), 1, Load(opened=4, walked=2))
    assert [line.unit for line in lines] == ["turns/s", "ms", "ms"] * 6
    bounded = [line for line in lines if line.bound]
    assert len(bounded) == 3
    assert not any(line.ok for line in bounded if line.unit == "turns/s")


def test_nobody_presses_a_button_that_was_not_sent() -> None:
    crowd = Crowd(1)
    with pytest.raises(KeyError):
        crowd.reply(0, QUESTIONS.index("favorite_category"))
