"""Makes every mistake at every place of the example projects, one at a time, and prints what was
told of each: `python -m tests.mutations`.

Ends with 1 where one was not told at its line, by its code and with what to do about it.
"""

from __future__ import annotations

import sys

from tests.mutations.mistakes import MISTAKES
from tests.mutations.projects import Told, places_of, tell


def all_told() -> dict[str, list[Told]]:
    """Every mistake at every place, by the mistake's name."""
    return {
        mistake.name: [tell(project, mutant) for project, mutant in places_of(mistake)]
        for mistake in MISTAKES
    }


def main() -> int:
    told = all_told()
    print(f"{'mistake':66} {'codes':14} places  told  other problems")
    for mistake in MISTAKES:
        found = told[mistake.name]
        caught = sum(one.caught for one in found)
        others = sum(len(one.problems) - 1 for one in found if one.problems)
        sign = "" if found and caught == len(found) else "  <--"
        print(f"{mistake.name:66} {mistake.codes:14} {len(found):6} {caught:5} {others:6}{sign}")
    missed = [one for found in told.values() for one in found if not one.caught]
    for one in missed:
        print(f"\n{one.mutant.mistake.name}: {one.mutant.file}, lines {sorted(one.mutant.lines())}")
        print(*(f"    {problem}" for problem in one.problems), sep="\n")
    places = sum(map(len, told.values()))
    kinds = sum(bool(found) for found in told.values())
    print(
        f"\n{kinds} kinds of mistakes at {places} places, {len(missed)} not told as they should be"
    )
    return 1 if missed or kinds < len(MISTAKES) else 0


if __name__ == "__main__":
    sys.exit(main())
