"""What is wrong between the transcript tests of a project, and with what they say of its flows."""

from __future__ import annotations

from collections.abc import Sequence

from engine.flow import Flow
from engine.problems import Problems
from engine.suggest import meant
from engine.transcript import Transcript


def check_tests(tests: Sequence[Transcript], flows: Sequence[Flow], problems: Problems) -> None:
    """Tests with one name, and ways that no split has."""
    seen: dict[tuple[str, str], Transcript] = {}
    for test in tests:
        same = seen.setdefault((test.flow, test.name), test)
        if same is not test:
            message = f"a test of '{test.flow}' with this name is on line {same.position.line}"
            problems.error(test.position, "E110", message, "Give one of them another name.")
    chosen = [test for test in tests if test.arms]
    if chosen:
        _check_arms(chosen, _ways(flows), problems)


def _ways(flows: Sequence[Flow]) -> dict[str, set[str]]:
    """The ways of splits, by what a test may call these: their flow, or their id."""
    ways: dict[str, set[str]] = {}
    for flow in flows:
        for node in flow.nodes:
            if node.KIND == "split":
                for name in (flow.key, node.id):
                    ways.setdefault(name, set()).update(way for way, _ in node.exits())
    return ways


def _check_arms(tests: Sequence[Transcript], ways: dict[str, set[str]], problems: Problems) -> None:
    for test in tests:
        for name, arm in test.arms.items():
            place = test.arms_at[name]
            if name not in ways:
                message = f"no split is called '{name}', and no flow with one"
                problems.error(place, "E813", message, meant(name, ways))
            elif arm not in ways[name]:
                message = f"no split of '{name}' leads to '{arm}'"
                problems.error(place, "E813", message, meant(arm, ways[name]))
