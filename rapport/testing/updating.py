"""`rapport test --update`: failing tests are made to say what the bot says now.

Only what the bot says is written: its messages are changed, put in and taken out, and everything
else of the file stays as it is, comments and layout too. What was expected not to be said
(`not_contains`), what the staff is told and the values that `expect` names are for the author.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from engine.loader import Loaded
from engine.transcript import Bot, Expect, Told, Transcript
from engine.yaml_parts import Part, parts
from rapport.files import replace_file
from rapport.project import read_files, read_project
from rapport.testing.answers import UnexpectedCall
from rapport.testing.differences import difference_of
from rapport.testing.stage import BadSetting, Sent, Stage
from rapport.testing.stages import Stages
from rapport.testing.steps_in_yaml import Edit, Steps, applied
from rapport.testing.transcripts import NotPressed, act, run_transcript, setting_of


class Change(Struct, frozen=True):
    """About the step at `place`: `said` is now said there. The step is changed where it differs;
    after: it is put behind the step; said None: the step goes."""

    place: int
    said: Sent | None
    after: bool = False


def update_tests(folder: Path, loaded: Loaded) -> Iterator[str]:
    """Write what the bot says now into the failing tests of a project; the files that changed.

    A file whose new text would say anything else than was meant is left as it is.
    """
    by_file: dict[str, list[tuple[Transcript, list[Change]]]] = {}
    stages = Stages(loaded)
    try:
        for transcript in loaded.tests:
            if not run_transcript(stages, transcript).passed:
                changes = list(_changes(stages, transcript))
                by_file.setdefault(transcript.position.file, []).append((transcript, changes))
    finally:
        stages.close()
    texts, _ = read_files(folder)
    for file, changed in by_file.items():
        text = _rewritten(texts[file], changed)
        if text != texts[file] and _says_the_same(loaded, read_project(folder, {file: text})):
            replace_file(folder / file, text.encode())
            yield file


def _says_the_same(before: Loaded, after: Loaded) -> bool:
    """Whether the tests are the same but for what the bot says in them."""
    return after.ok and list(map(_acts, before.tests)) == list(map(_acts, after.tests))


def _acts(transcript: Transcript) -> tuple[object, ...]:
    told = (f"{step!r}".partition("Position(")[0] for step in transcript.steps if _is_act(step))
    return transcript.name, transcript.flow, *told


def _is_act(step: object) -> bool:
    return not isinstance(step, Bot)


# -- what the bot says now


def _changes(stages: Stages, transcript: Transcript) -> Iterator[Change]:
    """Hold the conversation, whatever the bot says, as far as the customer can go on."""
    try:
        with stages.open(setting_of(transcript)) as stage:
            yield from _held(stage, transcript)
    except (BadSetting, NotPressed, UnexpectedCall):
        return


def _held(stage: Stage, transcript: Transcript) -> Iterator[Change]:
    steps = transcript.steps
    behind, expected = -1, list[int]()
    for place, step in enumerate(steps):
        if isinstance(step, Bot):
            expected.append(place)
        elif not isinstance(step, Expect | Told):
            yield from _compared(stage, steps, behind, expected)
            behind, expected = place, []
            act(stage, step)
    yield from _compared(stage, steps, behind, expected)


def _compared(
    stage: Stage, steps: Sequence[object], behind: int, expected: Sequence[int]
) -> Iterator[Change]:
    """What differs between the steps `expected`, behind the one at `behind`, and what was said."""
    said = list(stage.unread)
    stage.unread.clear()
    bots = [step for place in expected if isinstance(step := steps[place], Bot)]
    pairs = _pairs(bots, said)
    for (first, then), (begin, end) in _gaps(pairs, len(bots), len(said)):
        places, new = list(expected[first:then]), said[begin:end]
        anchor = expected[first - 1] if first else behind
        for place, sent in zip(places, new, strict=False):
            yield Change(place, sent)
        for place in places[len(new) :]:
            yield Change(place, None)
        for sent in new[len(places) :]:
            yield Change(places[-1] if places else anchor, sent, after=True)


def _pairs(bots: Sequence[Bot], said: Sequence[Sent]) -> list[tuple[int, int]]:
    """The longest row of messages that are as expected, in order: the places of both."""
    fits = [[difference_of(sent, bot) is None for sent in said] for bot in bots]
    best: list[list[list[tuple[int, int]]]] = [[[] for _ in range(len(said) + 1)]]
    for row, line in enumerate(fits):
        above, here = best[-1], [list[tuple[int, int]]()]
        for column, fit in enumerate(line):
            taken = [*above[column], (row, column)] if fit else []
            here.append(max(taken, above[column + 1], here[-1], key=len))
        best.append(here)
    return best[-1][-1]


def _gaps(
    pairs: Iterable[tuple[int, int]], bots: int, said: int
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """What stands between the pairs: from and to, of the expected and of what was said."""
    first = begin = 0
    for bot, sent in (*pairs, (bots, said)):
        yield (first, bot), (begin, sent)
        first, begin = bot + 1, sent + 1


# -- into the file


def _rewritten(text: str, changed: Iterable[tuple[Transcript, list[Change]]]) -> str:
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(mark)
    documents: dict[int, Part] = {part.line + 1: part for part in parts(text)}
    edits: list[Edit] = []
    for transcript, changes in changed:
        found = documents[transcript.position.line].find("steps")
        if found is None or found[1].shared:
            continue
        steps = Steps(text, found[1])
        for change in changes:
            if change.said is None:
                edits += steps.without(change.place)
            elif change.after:
                edits += steps.with_one_behind(change.place, change.said)
            else:
                bot = transcript.steps[change.place]
                assert isinstance(bot, Bot), "only what the bot says is changed"
                edits += steps.saying(change.place, bot, change.said)
    return mark + applied(text, edits)
