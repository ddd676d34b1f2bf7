"""A process that runs goes on with what another one applies."""

from __future__ import annotations

from datetime import timedelta

import pytest
import structlog

from rapport.build import apply_loaded, load_applied
from rapport.runtime.following import Following
from rapport.runtime.reading import Reader
from tests.support.desk import CRM, Office, load

FLOWS = """
flow: f
triggers: [{on: command, command: start}]
nodes: [{ask: "Your name?", save_to: first_name}, {say: Hello}]
"""
CHANGED = FLOWS.replace("Hello", "Good day").replace("nodes:", "on_update: finish\nnodes:")
ANOTHER = "---\nflow: g\ntriggers: [{on: command, command: shop}]\nnodes: [{say: Open}]\n"


class Followed:
    """An office whose desk follows; `apply` is another process's."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.following = Following(office.desk, Reader(office.engine), load_applied)

    def apply(self, flows: str, crm: str = CRM) -> None:
        later = self.office.clock.now() + timedelta(seconds=1)
        with self.office.engine.begin() as db:
            apply_loaded(db, load(flows, crm), later)


@pytest.fixture
def followed(on_both_stores: str) -> Followed:
    return Followed(Office(FLOWS))


def test_nothing_is_loaded_where_nothing_was_applied(followed: Followed) -> None:
    library = followed.office.desk.library
    followed.apply(FLOWS)
    assert not followed.following.look()
    assert followed.office.desk.library is library


def test_a_run_ends_on_the_version_that_it_began_with_and_the_next_one_is_new(
    followed: Followed,
) -> None:
    office = followed.office
    office.says("/start")
    followed.apply(CHANGED)
    assert followed.following.look()
    office.says("Ann")
    office.says("/start", "Bob", peer="bob")
    assert office.said() == ["Your name?", "Hello"]
    assert office.said("bob") == ["Your name?", "Good day"]


def test_a_new_flow_and_a_new_field_are_there(followed: Followed) -> None:
    office = followed.office
    crm = CRM.replace("fields:", "fields:\n  colour: {label: Colour, type: text}")
    followed.apply(FLOWS + ANOTHER, crm)
    assert followed.following.look()
    assert not followed.following.look()
    assert office.says("/shop").said() == ["Open"]
    assert "colour" in office.desk.library.columns


def test_what_cannot_be_loaded_is_said_once_and_the_old_goes_on(followed: Followed) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a kind that this program does not know")

    following = Following(
        followed.office.desk, Reader(followed.office.engine), fail  # type: ignore[arg-type]
    )  # fmt: skip
    followed.apply(CHANGED)
    with structlog.testing.capture_logs() as lines:
        assert not following.look()
        assert not following.look()
    assert [line["event"] for line in lines] == ["apply_not_followed"]
    assert followed.office.says("/start", "Ann").said() == ["Your name?", "Hello"]
