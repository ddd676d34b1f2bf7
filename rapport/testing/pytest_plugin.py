"""The pytest plugin: the fixture `conversation`, on the engine that `rapport test` uses.

    @pytest.mark.rapport("flows/shop", customer={"first_name": "Sara"})
    def test_a_visitor_is_greeted(conversation):
        conversation.send("/start")
        conversation.expects(contains="Hi Sara")

Where the settings of pytest name projects, their transcript tests are tests of pytest too:

    [tool.pytest.ini_options]
    rapport_transcripts = ["flows"]

pytest loads this module in every run of an environment that has Rapport, so it imports nothing
of Rapport before a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rapport.testing.conversation import Conversation, Conversations

MARK, TRANSCRIPTS = "rapport", "rapport_transcripts"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARK}(path, channel, now, customer, flow, vars): how the fixture `conversation` "
        "begins; path: the project, RAPPORT_FLOWS or flows where it is not given",
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    help_ = "folders of Rapport projects whose transcript tests are collected"
    parser.addini(TRANSCRIPTS, help_, type="paths", default=[])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    folders = parent.config.getini(TRANSCRIPTS)
    if not folders or file_path.suffix not in (".yaml", ".yml"):
        return None
    if not any(file_path.is_relative_to(folder.resolve()) for folder in folders):
        return None
    from rapport.testing.pytest_items import TranscriptFile

    collector: pytest.Collector = TranscriptFile.from_parent(parent, path=file_path)
    return collector


@pytest.fixture(scope="session")
def rapport_conversations() -> Iterator[Conversations]:
    """The projects that conversations were held on, each applied once."""
    from rapport.testing.conversation import Conversations

    conversations = Conversations()
    yield conversations
    conversations.close()


@pytest.fixture
def conversation(
    request: pytest.FixtureRequest, rapport_conversations: Conversations
) -> Iterator[Conversation]:
    """A customer talking with the bot of the project that the mark `rapport` names."""
    from rapport.cli.paths import chosen
    from rapport.testing.stages import Setting

    mark = request.node.get_closest_marker(MARK)
    path: Any = mark.args[0] if mark and mark.args else chosen(None)
    setting = Setting(**mark.kwargs) if mark else Setting()
    with rapport_conversations.begin(path, setting) as begun:
        yield begun
