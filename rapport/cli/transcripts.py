"""`rapport test`: the transcript tests of a project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import replace

from rapport.cli.applying import require_sound
from rapport.cli.failing import FOUND_PROBLEMS, WRONG_USE, Refusal
from rapport.cli.output import Report, ReportOption, print_json
from rapport.cli.paths import PathArgument, chosen
from rapport.printable import printable

if TYPE_CHECKING:
    from engine.loader import Loaded
    from rapport.testing.coverage import Coverage, Covered
    from rapport.testing.transcripts import Verdict

AUTO = "auto"


def hold(
    path: PathArgument = None,
    form: ReportOption = Report.TEXT,
    processes: Annotated[
        str, typer.Option("--processes", "-j", help="how many at once, or auto")
    ] = AUTO,
    cover: Annotated[
        bool, typer.Option("--coverage", help="list what no test goes through")
    ] = False,
    least: Annotated[
        float,
        typer.Option("--fail-under", min=0, max=100, help="the least coverage that is no failure"),
    ] = 0,
    update: Annotated[
        bool, typer.Option("--update", help="write what the bot says now into failing tests")
    ] = False,
) -> None:
    """Hold the conversations written down in a project, and say where they go another way."""
    from rapport import logs
    from rapport.project import find_projects

    logs.set_up("text")
    count = _count_of(processes)
    projects = [(folder, require_sound(folder)) for folder in find_projects(chosen(path))]
    if update:
        projects = [(folder, _updated(folder, loaded, form)) for folder, loaded in projects]
    held = [_hold(folder, loaded, count, form, cover or least > 0) for folder, loaded in projects]
    verdicts = [verdict for some, _ in held for verdict in some]
    covered = [flow for _, flows in held for flow in flows]
    failed = sum(not verdict.passed for verdict in verdicts)
    percent = _percent(covered)
    if form is Report.JSON:
        tests = [_as_json(verdict) for verdict in verdicts]
        report = {"passed": len(verdicts) - failed, "failed": failed, "tests": tests}
        print_json(report | _coverage_as_json(covered))
    else:
        _print_coverage(covered, percent, least)
        print(f"{len(verdicts) - failed} passed, {failed} failed")
    if failed or percent < least:
        raise typer.Exit(FOUND_PROBLEMS)


def _count_of(processes: str) -> int:
    """0 for as many as the tests are worth."""
    if processes == AUTO:
        return 0
    if not processes.isdecimal() or not 0 < int(processes) <= 256:
        raise Refusal(f"-j takes a number of processes, or {AUTO}; not '{processes}'", WRONG_USE)
    return int(processes)


def _hold(
    folder: Path, loaded: Loaded, processes: int, form: Report, cover: bool
) -> tuple[list[Verdict], list[Covered]]:
    """The verdicts of a project, printed as they come, and its coverage if it is wanted."""
    from rapport.testing.coverage import Coverage
    from rapport.testing.many import hold_tests, processes_for

    coverage: Coverage | None = Coverage(loaded.flows) if cover else None
    verdicts: list[Verdict] = []
    many = processes or processes_for(len(loaded.tests))
    for verdict in hold_tests(folder, loaded, many, coverage):
        verdicts.append(_located(verdict, folder))
        if form is Report.TEXT:
            _print(verdicts[-1])
    return verdicts, [] if coverage is None else list(_placed(coverage, folder))


def _updated(folder: Path, loaded: Loaded, form: Report) -> Loaded:
    """The project after its failing tests were made to say what the bot says now."""
    from rapport.testing.updating import update_tests

    for file in update_tests(folder, loaded):
        if form is Report.TEXT:
            print(f"written: {printable(str(folder / file))}")
    return require_sound(folder)


def _located(verdict: Verdict, folder: Path) -> Verdict:
    at = verdict.at or verdict.transcript.position
    return replace(verdict, at=replace(at, file=str(folder / at.file)))


def _print(verdict: Verdict) -> None:
    name = f"{verdict.transcript.flow}: {verdict.transcript.name}"
    if verdict.difference is None:
        print(printable(f"ok   {name}"))
        return
    from rapport.testing.telling import differing

    at = verdict.at
    assert at is not None, "a difference is somewhere"
    print(printable(f"FAIL {name}"))
    print(f"     {at.file}:{at.line}:{at.column} {printable(verdict.difference.why)}")
    for line in differing(verdict):
        print(f"       {line}")


# -- coverage


def _placed(coverage: Coverage, folder: Path) -> Iterable[Covered]:
    for flow in coverage.report():
        untaken = (
            replace(one, position=replace(one.position, file=str(folder / one.position.file)))
            for one in flow.untaken
        )
        yield replace(flow, untaken=tuple(untaken))


def _percent(covered: Sequence[Covered]) -> float:
    """100 where there is nothing to be covered."""
    from rapport.testing.coverage import counts_of

    taken, total = counts_of(covered)
    return 100 * taken / total if total else 100.0


def _print_coverage(covered: Sequence[Covered], percent: float, least: float) -> None:
    from rapport.testing.coverage import counts_of

    for flow in covered:
        print(printable(f"{flow.flow}: {flow.total - len(flow.untaken)} of {flow.total} paths"))
        for one in flow.untaken:
            print(printable(f"  {one.position} {one.path.node}: {one.why}"))
    if covered:
        taken, total = counts_of(covered)
        short = f", less than {least:g} %" if percent < least else ""
        print(f"coverage: {taken} of {total} paths, {_shown(percent)} %{short}")


def _shown(percent: float) -> str:
    """Cut, not rounded: 99.96 is not all."""
    return f"{int(percent * 10) / 10:g}"


def _coverage_as_json(covered: Sequence[Covered]) -> dict[str, Any]:
    from rapport.testing.coverage import counts_of

    if not covered:
        return {}
    taken, total = counts_of(covered)
    untaken = [
        {
            "flow": one.path.flow,
            "node": one.path.node,
            "path": one.path.by,
            "why": one.why,
            "file": one.position.file,
            "line": one.position.line,
            "column": one.position.column,
        }
        for flow in covered
        for one in flow.untaken
    ]
    return {"coverage": {"taken": taken, "paths": total, "untaken": untaken}}


def _as_json(verdict: Verdict) -> dict[str, Any]:
    """`difference` is null where the test passed; then `line` is the test's own."""
    at, difference = verdict.at, verdict.difference
    assert at is not None, "a verdict of a file is somewhere"
    return {
        "name": verdict.transcript.name,
        "flow": verdict.transcript.flow,
        "file": at.file,
        "line": at.line,
        "column": at.column,
        "passed": verdict.passed,
        "conversation": list(verdict.conversation),
        "difference": None
        if difference is None
        else {
            "why": difference.why,
            "expected": difference.expected,
            "actual": difference.actual,
            "besides": list(difference.besides),
        },
    }
