"""`rapport test`: the transcript tests of a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from msgspec.structs import replace

from rapport.cli.applying import require_sound
from rapport.cli.failing import FOUND_PROBLEMS
from rapport.cli.output import Report, ReportOption, print_json
from rapport.cli.paths import PathArgument, chosen
from rapport.printable import printable

if TYPE_CHECKING:
    from rapport.testing.transcripts import Verdict


def hold(path: PathArgument = None, form: ReportOption = Report.TEXT) -> None:
    """Hold the conversations written down in a project, and say where they go another way."""
    from rapport import logs
    from rapport.project import find_projects
    from rapport.testing.transcripts import run_transcripts

    logs.set_up("text")
    projects = [(folder, require_sound(folder)) for folder in find_projects(chosen(path))]
    verdicts: list[Verdict] = []
    for folder, loaded in projects:
        for verdict in run_transcripts(loaded):
            verdicts.append(_located(verdict, folder))
            if form is Report.TEXT:
                _print(verdicts[-1])
    failed = sum(not verdict.passed for verdict in verdicts)
    if form is Report.JSON:
        tests = [_as_json(verdict) for verdict in verdicts]
        print_json({"passed": len(verdicts) - failed, "failed": failed, "tests": tests})
    else:
        print(f"{len(verdicts) - failed} passed, {failed} failed")
    if failed:
        raise typer.Exit(FOUND_PROBLEMS)


def _located(verdict: Verdict, folder: Path) -> Verdict:
    at = verdict.at or verdict.transcript.position
    return replace(verdict, at=replace(at, file=str(folder / at.file)))


def _print(verdict: Verdict) -> None:
    name = f"{verdict.transcript.flow}: {verdict.transcript.name}"
    if verdict.difference is None:
        print(printable(f"ok   {name}"))
        return
    at, difference = verdict.at, verdict.difference
    assert at is not None, "a difference is somewhere"
    print(printable(f"FAIL {name}"))
    print(f"     {at.file}:{at.line}:{at.column} {printable(difference.why)}")
    lines = [f"  {line}" for line in verdict.conversation]
    lines += [f"- {difference.expected}"] if difference.expected else []
    lines += [f"+ {difference.actual}"] if difference.actual else []
    for line in lines:
        print(printable(f"       {line}"))


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
        },
    }
