"""A translation goes where its text stands; nothing else of the file is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.loader import Loaded
from engine.rewording import ByChannel, Rewording, reword, scalar
from engine.translation import Unit, units_of
from tests.engine.loader.loading import CRM, load_whole

FLOW = "flow: f\nvars: {n: 1}\nnodes:\n"
BLOCK = "\n        Hi,\n\n        you\n"


def persian(file: str, crm: str = CRM) -> dict[str, Unit]:
    """The texts of a flow that may be said in Persian, by their contexts."""
    return {unit.context: unit for unit in _units(load_whole(file, crm=crm), file, crm)}


def _units(loaded: Loaded, file: str, crm: str) -> tuple[Unit, ...]:
    assert not [str(problem) for problem in loaded.problems if problem.severity == "error"]
    return units_of(loaded.texts, {"flow.yaml": file, "crm.yaml": crm}, "fa")


def translated(nodes: str, words: ByChannel) -> str:
    """The nodes with their first text in Persian too; the file still says that, and only that."""
    file = FLOW + nodes
    before = persian(file)
    first = next(unit for unit in before.values() if unit.position.file == "flow.yaml")
    after = reword(file, [Rewording(first.text, "fa", words)])
    assert after.startswith(FLOW)
    now = persian(after)
    for context, unit in before.items():
        assert now[context].source == unit.source
        if unit.text is first.text:
            assert now[context].target == words.get(unit.channel, words.get(None))
        else:
            assert now[context].target == unit.target
    return after.removeprefix(FLOW)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- say: Hi\n", "- say: {en: Hi, fa: سلام}\n"),
        ("- say: Hi", "- say: {en: Hi, fa: سلام}"),
        ("- say: Hi   # greets\n", "- say: {en: Hi, fa: سلام}   # greets\n"),
        ("- say: 'It''s'\n", "- say: {en: 'It''s', fa: 'سلام'}\n"),
        ('- say: "Hi, {{ var.n }}"\n', '- say: {en: "Hi, {{ var.n }}", fa: "سلام"}\n'),
        ("- say: Hi, you\n", '- say: {en: "Hi, you", fa: سلام}\n'),
        ("- {say: Hi, end: a}\n", "- {say: {en: Hi, fa: سلام}, end: a}\n"),
        ("- say: {en: Hi}\n", "- say: {en: Hi, fa: سلام}\n"),
        ("- say: { en: Hi, }\n", "- say: { en: Hi, fa: سلام, }\n"),
        ("- say: {en: Hi, fa: a} # b\n", "- say: {en: Hi, fa: سلام} # b\n"),
        ('- say: {fa: "a", en: Hi}\n', '- say: {fa: "سلام", en: Hi}\n'),
        ("- say:\n    en: Hi # a\n  end: a\n", "- say:\n    en: Hi # a\n    fa: سلام\n  end: a\n"),
        ("- say:\n    fa: a\n    en: Hi\n", "- say:\n    fa: سلام\n    en: Hi\n"),
        ("- say:\n    - Hi\n    - Bye\n", "- say:\n    - {en: Hi, fa: سلام}\n    - Bye\n"),
        ("- say: &hi Hi\n- say: *hi\n", "- say: &hi {en: Hi, fa: سلام}\n- say: *hi\n"),
        ("- say: {telegram: Hi}\n", "- say: {telegram: {en: Hi, fa: سلام}}\n"),
        ("- say: {en: {telegram: Hi}}\n", "- say: {en: {telegram: Hi}, fa: سلام}\n"),
        (
            "- say: {en: Hi, fa: {telegram: a}}\n",
            "- say: {en: Hi, fa: {telegram: سلام}}\n",
        ),
    ],
)  # fmt: skip
def test_a_word_goes_where_it_belongs(before: str, after: str) -> None:
    telegram = "fa: {telegram" in before
    assert translated(before, {"telegram" if telegram else None: "سلام"}) == after


def test_each_choice_is_translated_in_its_place() -> None:
    file = (
        FLOW + "- ask: {en: Q, fa: س}\n  save_to: var.n\n  choices: [Hi, {text: Bye, value: b}]\n"
    )
    units = [unit for unit in persian(file).values() if unit.target is None]
    changes = [
        Rewording(unit.text, "fa", {None: f"م{number}"})
        for number, unit in enumerate(units)
        if unit.position.file == "flow.yaml"
    ]
    assert reword(file, changes).endswith(
        "choices: [{en: Hi, fa: م2}, {text: {en: Bye, fa: م3}, value: b}]\n"
    )


def test_a_plain_option_gets_a_label_and_keeps_its_value() -> None:
    crm = persian(FLOW + "- say: Hi\n")
    clothes = crm["crm/fields/category/options/1"]
    assert "options: [{value: clothes, label: {en: clothes, fa: لباس}}, shoes]" in reword(
        CRM, [Rewording(clothes.text, "fa", {None: "لباس"})]
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            f"- say: |{BLOCK}  end: a\n",
            (
                "- say:\n    en: |\n          Hi,\n\n          you\n"
                "    fa: |\n      سلام\n      تو\n"
                "  end: a\n"
            ),
        ),
        (
            f"- say:\n      en: |{BLOCK}\n  end: a\n".replace("\n        ", "\n          "),
            (
                "- say:\n      en: |\n          Hi,\n\n          you\n      fa: |\n        سلام\n"
                "        تو\n\n  end: a\n"
            ),
        ),
        (
            "- say:\n    en: |\n      Hi\n    fa: |\n      a\n      b\n# end\n",
            "- say:\n    en: |\n      Hi\n    fa: |\n      سلام\n      تو\n# end\n",
        ),
        (
            "- say:\n  - |\n    Hi\n  - Bye\n",
            "- say:\n  - en: |\n      Hi\n    fa: |\n      سلام\n      تو\n  - Bye\n",
        ),
        ("- say: Hi\n", '- say: {en: Hi, fa: "سلام\\nتو"}\n'),
    ],
)
def test_a_text_of_several_lines_stays_a_block(before: str, after: str) -> None:
    assert translated(before, {None: "سلام\nتو"}) == after


FORMS = {"one": "یک کلاه", "other": "{{ var.n }} کلاه"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "- say: {count: var.n, one: Hat, other: Hats}\n",
            (
                "- say: {en: {count: var.n, one: Hat, other: Hats}, "
                'fa: {count: var.n, one: یک کلاه, other: "{{ var.n }} کلاه"}}\n'
            ),
        ),
        (
            "- say:\n    count: var.n\n    one: Hat\n    other: Hats\n",
            (
                "- say:\n    en:\n      count: var.n\n      one: Hat\n      other: Hats\n"
                '    fa: {count: var.n, one: یک کلاه, other: "{{ var.n }} کلاه"}\n'
            ),
        ),
        (
            "- say: {en: {count: var.n, one: Hat, other: Hats}, fa: a}\n",
            (
                "- say: {en: {count: var.n, one: Hat, other: Hats}, "
                'fa: {count: var.n, one: یک کلاه, other: "{{ var.n }} کلاه"}}\n'
            ),
        ),
        (
            (
                "- say:\n    en: {count: var.n, one: Hat, other: Hats}\n"
                "    fa:\n      count: var.n\n"
                "      other: a\n"
            ),
            (
                "- say:\n    en: {count: var.n, one: Hat, other: Hats}\n"
                "    fa:\n      count: var.n\n"
                '      other: "{{ var.n }} کلاه"\n      one: یک کلاه\n'
            ),
        ),
    ],
)
def test_plural_forms_are_written_as_the_author_would(before: str, after: str) -> None:
    assert translated(before, {None: FORMS}) == after


def test_what_channels_say_is_written_by_channel() -> None:
    before = "- say: {en: {telegram: Tap, instagram: Click}}\n"
    assert translated(before, {"telegram": "بزنید", "instagram": "کلیک"}) == (
        "- say: {en: {telegram: Tap, instagram: Click}, fa: {telegram: بزنید, instagram: کلیک}}\n"
    )


def test_lines_of_windows_and_a_mark_at_the_beginning_stay() -> None:
    file = f"\ufeff{FLOW}- say:\n    en: |\n      Hi\n      you\n".replace("\n", "\r\n")
    unit = persian(file)["f/1/say"]
    made = reword(file, [Rewording(unit.text, "fa", {None: "a\nb"})])
    assert made == file + "    fa: |\r\n      a\r\n      b\r\n"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_any_text_is_read_back_as_it_was_written(said: str) -> None:
    for style in ("", "'", '"'):
        written = f"flow: f\nx_a: {{a: {scalar(said, style)}}}\nnodes:\n- say: Hi\n"
        assert "\n" not in scalar(said, style)
        loaded = load_whole(written)
        assert not [str(one) for one in loaded.problems if one.severity == "error"]


@given(
    st.sampled_from(
        ["- say: Hi\n", "- say: {en: Hi}\n", "- say: |\n    Hi\n", "- say:\n    en: |\n      a\n"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0{"), min_size=1, max_size=40),
)  # fmt: skip
def test_whatever_a_translator_writes_is_what_people_read(nodes: str, said: str) -> None:
    if said.strip():
        translated(nodes, {None: said})
