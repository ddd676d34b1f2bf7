"""Who has opted out is sent nothing that a clock or a rule begins."""

from __future__ import annotations

from crm.tables import activity, run
from tests.support.desk import Office


def test_after_an_opt_out_nothing_automatic_is_said() -> None:
    at = Office(
        "flow: later\ntriggers: [{on: command, command: later}]\n"
        "nodes: [{delay: 1h}, {say: Drip}, {tag: {add: [VIP]}}]\n"
    ).says("/later", "stop")
    at.said()
    assert at.advance("2h").said() == []
    assert at.rows(run, "outcome") == ["done"]
    assert "message_withheld" in at.rows(activity, "type")
