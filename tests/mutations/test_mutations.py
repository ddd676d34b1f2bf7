"""What people do wrong is told: at its line, by its code, and with what to do about it.

A sample; `python -m tests.mutations` makes every mistake at every place.
"""

from __future__ import annotations

import random

import pytest

from tests.mutations.mistake import Mistake
from tests.mutations.mistakes import MISTAKES
from tests.mutations.projects import Project, places_of, projects, tell

PLACES = 2
"""Places at which each mistake is made here."""


@pytest.mark.parametrize("project", projects(), ids=lambda project: project.name)
def test_nothing_is_told_of_the_projects_as_they_are(project: Project) -> None:
    assert [str(problem) for problem in project.told()] == []


def test_there_are_many_kinds_of_mistakes_each_with_a_name_of_its_own() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) > 120


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_told_at_its_line_with_what_to_do(mistake: Mistake) -> None:
    places = places_of(mistake)
    assert places, "there is no such place in the projects"
    for project, mutant in random.Random(mistake.name).sample(places, min(PLACES, len(places))):
        told = tell(project, mutant)
        assert told.caught, (mutant.file, mutant.lines(), list(map(str, told.problems)))
