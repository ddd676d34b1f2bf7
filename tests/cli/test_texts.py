"""`rapport texts`: to translators and back, until nothing is missing and nothing changes."""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from tests.cli.conftest import Command
from tests.house.tree import ROOT
from tests.support.small_project import CRM, FLOW, write_project

FIRST = """\
flow: order
triggers: [{on: command, command: start}]
nodes:
  - say: Welcome # they have just come
  - id: size
    ask: |
      Which size?
      A number.
    save_to: size
    skip: true
  - say:
      count: customer.size
      en: {one: One is small., other: "{{ customer.size }} is large."}
    end: ordered
"""


@pytest.fixture
def kiosk(tmp_path: Path) -> Path:
    return write_project(tmp_path / "kiosk", order=FIRST)


def opened(file: Path) -> Catalog:
    return read_po(BytesIO(file.read_bytes()))


def translate(file: Path, *, to: Path | None = None, **said: str | tuple[str, str]) -> None:
    """Write into a catalogue what entries are to say, by the end of their context."""
    catalog = opened(file)
    for name, words in said.items():
        found = [one for one in catalog if (one.context or "").endswith(name.replace("__", "/"))]
        assert len(found) == 1, name
        found[0].string = words
    write(to or file, catalog)


def write(file: Path, catalog: Catalog) -> None:
    content = BytesIO()
    write_po(content, catalog)
    file.write_bytes(content.getvalue())


def export(rapport: Command, project: Path, language: str = "fa") -> Path:
    file = project.parent / f"{language}.po"
    ended = rapport("texts", "export", "--language", language, "--to", file, "--project", project)
    assert (ended.code, ended.err) == (0, "")
    return file


def test_a_catalogue_has_each_text_with_its_place_and_what_is_there(
    rapport: Command, kiosk: Path
) -> None:
    catalog = opened(export(rapport, kiosk))
    by_context = {one.context: one for one in catalog if one.id}
    assert [(name, one.string) for name, one in by_context.items()] == [
        ("crm/fields/size/label", "سایز"),
        ("crm/fields/colour/label", "رنگ"),
        ("crm/fields/colour/options/red/label", "سرخ"),
        ("crm/fields/colour/options/blue/label", "آبی"),
        ("order/1/say", ""),
        ("order/size/ask", ""),
        ("order/3/say", ("", "")),
    ]
    assert by_context["order/size/ask"].id == "Which size?\nA number."
    assert by_context["order/size/ask"].locations == [("order.yaml", 6)]
    assert by_context["order/3/say"].id == ("One is small.", "{{ customer.size }} is large.")


def test_translations_come_back_into_the_files_as_an_author_would_write_them(
    rapport: Command, kiosk: Path
) -> None:
    file = export(rapport, kiosk)
    translate(
        file, order__1__say="خوش آمدید", size__ask="چه سایزی؟\nیک عدد.",
        order__3__say=("کوچک", "{{ customer.size }} بزرگ است."),
    )  # fmt: skip
    ended = rapport("texts", "import", file, "--project", kiosk)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[-1] == "3 texts changed in 1 file, 4 as before"
    assert (kiosk / "order.yaml").read_text(encoding="utf-8") == FIRST.replace(
        "say: Welcome # they", "say: {en: Welcome, fa: خوش آمدید} # they"
    ).replace(
        "    ask: |\n      Which size?\n      A number.\n",
        "    ask:\n      en: |\n        Which size?\n        A number.\n"
        "      fa: |\n        چه سایزی؟\n        یک عدد.\n",
    ).replace(
        'is large."}\n',
        'is large."}\n      fa: {count: customer.size, one: کوچک, '
        'other: "{{ customer.size }} بزرگ است."}\n',
    )
    assert rapport("check", kiosk, "--strict").code == 0
    assert rapport("texts", "missing", "--project", kiosk).out == "every text is translated\n"


def test_a_second_import_changes_nothing_and_neither_does_a_second_export(
    rapport: Command, kiosk: Path
) -> None:
    file = export(rapport, kiosk)
    translate(file, order__1__say="خوش آمدید", order__3__say=("هر", "هر"))
    rapport("texts", "import", file, "--project", kiosk)
    once = (kiosk / "order.yaml").read_bytes()
    assert "fa: هر}" not in once.decode()
    assert "      fa: هر\n" in once.decode()  # all forms are alike: one text
    ended = rapport("texts", "import", file, "--project", kiosk)
    assert ended.out.startswith("0 texts changed in 0 files, 6 as before\n")
    assert (kiosk / "order.yaml").read_bytes() == once
    told = {one.context: (one.string, one.fuzzy) for one in opened(file) if one.id}
    again = {one.context: (one.string, one.fuzzy) for one in opened(export(rapport, kiosk))}
    assert {name: again[name] for name in told} == told


def test_a_dry_run_tells_what_would_change_and_writes_nothing(
    rapport: Command, kiosk: Path
) -> None:
    file = export(rapport, kiosk)
    translate(file, order__1__say="خوش آمدید", crm__fields__size__label="اندازه")
    before = (kiosk / "order.yaml").read_bytes(), (kiosk / "crm.yaml").read_bytes()
    ended = rapport("texts", "import", file, "--project", kiosk, "--dry-run")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        f"{kiosk}/crm.yaml:3 crm/fields/size/label: سایز → اندازه",
        f"{kiosk}/order.yaml:4 order/1/say: خوش آمدید",
        "2 texts would change in 2 files, 3 as before",
        "left out: 2 not translated",
    ]
    assert ((kiosk / "order.yaml").read_bytes(), (kiosk / "crm.yaml").read_bytes()) == before


def test_what_is_fuzzy_empty_or_of_another_text_is_left_out_and_counted(
    rapport: Command, kiosk: Path
) -> None:
    file = export(rapport, kiosk)
    translate(file, order__1__say="خوش آمدید", size__ask="سایز؟")
    catalog = opened(file)
    catalog.get("Welcome", "order/1/say").flags.add("fuzzy")  # type: ignore[union-attr]
    write(file, catalog)
    changed = FIRST.replace("A number.", "A whole number.")
    write_project(kiosk, order=changed)
    ended = rapport("texts", "import", file, "--project", kiosk)
    assert ended.out.splitlines()[-1] == (
        "left out: 1 not translated, 1 marked fuzzy, "
        "1 of texts that are not there or read otherwise now"
    )
    assert (kiosk / "order.yaml").read_text(encoding="utf-8") == changed


def test_a_text_that_has_moved_to_another_node_takes_its_translation_along(
    rapport: Command, kiosk: Path
) -> None:
    file = export(rapport, kiosk)
    translate(file, order__1__say="خوش آمدید")
    write_project(kiosk, order=FIRST.replace("- say: Welcome", "- id: hello\n    say: Welcome"))
    assert "order/hello/say: خوش آمدید" in rapport("texts", "import", file, "--project", kiosk).out


def test_an_export_keeps_what_a_translator_has_written_meanwhile(
    rapport: Command, kiosk: Path
) -> None:
    file = export(rapport, kiosk)
    translate(file, order__1__say="خوش آمدید", size__ask="سایز؟", crm__fields__size__label="قد")
    write_project(
        kiosk,
        order=FIRST.replace("Which size?\n      A number.", "Which size?\n      A whole number.")
        .replace("order\ntriggers", "order\nerror: A new text\ntriggers")
        .replace("  - say: Welcome # they have just come\n", ""),
    )
    ended = rapport("texts", "export", "--language", "fa", "--to", file, "--project", kiosk)
    assert ended.out.splitlines() == [
        f"{file}: 7 texts, 2 not translated",
        "2 marked fuzzy: look at them, they are not taken over as they are",
        "1 that the project has no longer are kept at the end",
    ]
    catalog = opened(file)
    ask = next(one for one in catalog if one.context == "order/size/ask")
    assert (ask.string, ask.fuzzy) == ("سایز؟", True)
    label = catalog.get("Size", "crm/fields/size/label")
    assert label is not None
    assert (label.string, label.user_comments) == ("سایز", ["In this file it was: قد"])
    assert [one.string for one in catalog.obsolete.values()] == ["خوش آمدید"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("{{ customer.sise }}", "it puts in customer.sise, which the text does not"),
        ("{{ customer", "unexpected end of template"),
    ],
)
def test_a_translation_that_would_not_work_is_told_and_the_others_are_taken(
    rapport: Command, kiosk: Path, said: str, reason: str
) -> None:
    file = export(rapport, kiosk)
    translate(file, order__1__say=said, crm__fields__size__label="اندازه")
    ended = rapport("texts", "import", file, "--project", kiosk)
    assert ended.code == 1
    assert f"order.yaml:4 order/1/say: not taken over: {reason}" in ended.err
    assert "fa: اندازه" in (kiosk / "crm.yaml").read_text(encoding="utf-8")
    assert (kiosk / "order.yaml").read_text(encoding="utf-8") == FIRST


def test_translations_that_break_the_project_are_refused_together(
    rapport: Command, kiosk: Path
) -> None:
    file = export(rapport, kiosk)
    translate(file, order__1__say="م" * 5000)
    before = (kiosk / "order.yaml").read_bytes()
    ended = rapport("texts", "import", file, "--project", kiosk)
    assert ended.code == 1
    assert "E604" in ended.err
    assert (kiosk / "order.yaml").read_bytes() == before


def test_what_is_missing_is_listed_for_people_and_programs(rapport: Command, kiosk: Path) -> None:
    ended = rapport("texts", "missing", "--project", kiosk, "--format", "csv")
    assert ended.out.splitlines() == [
        "language,place,name,text",
        f"fa,{kiosk}/order.yaml:4,order/1/say,Welcome",
        f"fa,{kiosk}/order.yaml:6,order/size/ask,Which size? ⏎ A number.",
        (
            f"fa,{kiosk}/order.yaml:12,order/3/say,"
            "one: One is small. / other: {{ customer.size }} is large."
        ),
    ]


def test_a_catalogue_of_a_tool_that_numbers_plurals_its_own_way_is_understood(
    rapport: Command, kiosk: Path
) -> None:
    file = export(rapport, kiosk)
    catalog = opened(file)
    entry = next(one for one in catalog if one.context == "order/3/say")
    entry.string = ("{{ customer.size }} است",)
    catalog.mime_headers = [("Plural-Forms", "nplurals=1; plural=0;")]
    write(file, catalog)
    rapport("texts", "import", file, "--project", kiosk)
    text = (kiosk / "order.yaml").read_text(encoding="utf-8")
    assert '      fa: "{{ customer.size }} است"\n' in text


RUSSIAN = ("{{ customer.size }} шляпа", "{{ customer.size }} шляпы", "{{ customer.size }} шляп")


def test_russian_has_three_forms_to_translate_and_its_fractions_read_like_the_last(
    rapport: Command, kiosk: Path
) -> None:
    write_project(kiosk, crm=CRM.replace("fa", "ru"), order=FIRST)
    file = export(rapport, kiosk, "ru")
    translate(file, order__3__say=RUSSIAN)  # type: ignore[arg-type]  # three of them
    assert rapport("texts", "import", file, "--project", kiosk).code == 0
    text = (kiosk / "order.yaml").read_text(encoding="utf-8")
    for form, said in zip(("one", "few", "many"), RUSSIAN, strict=True):
        assert f'{form}: "{said}"' in text
    assert f'other: "{RUSSIAN[-1]}"' in text
    assert "as before" in rapport("texts", "import", file, "--project", kiosk).out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'msgid "a\n', "no PO file that can be read"),
        (b"\xff\xfe", "no PO file that can be read"),
        (b'msgid ""\nmsgstr "Language: tr\\n"\n', "does not speak 'tr'"),
        (b'msgid "a"\nmsgstr "b"\n', "does not speak ''"),
    ],
)
def test_what_is_no_catalogue_of_the_project_is_refused_in_a_line(
    rapport: Command, kiosk: Path, content: bytes, told: str
) -> None:
    file = kiosk.parent / "fa.po"
    file.write_bytes(content)
    ended = rapport("texts", "import", file, "--project", kiosk)
    assert ended.code in (1, 2)
    assert told in ended.err
    assert ended.err.count("\n") == 1


def test_the_shop_goes_to_a_translator_and_back_and_its_tests_still_pass(
    rapport: Command, tmp_path: Path
) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(ROOT / "flows" / "shop", shop)
    before = {path: path.read_bytes() for path in shop.rglob("*.yaml")}
    file = export(rapport, shop)
    assert rapport("texts", "import", file, "--project", shop).out.startswith("0 texts changed")
    assert {path: path.read_bytes() for path in shop.rglob("*.yaml")} == before
    translate(file, lead_capture__gave_up__say="باشد. هر وقت خواستید /start را بفرستید.")
    assert "1 text changed in 1 file" in rapport("texts", "import", file, "--project", shop).out
    changed = [path.name for path, was in before.items() if path.read_bytes() != was]
    assert changed == ["lead_capture.yaml"]
    assert rapport("check", shop, "--strict").code == 0
    assert rapport("test", shop).code == 0


def test_a_flow_of_one_language_is_not_offered_to_translators_of_others(
    rapport: Command, kiosk: Path
) -> None:
    write_project(kiosk, order=FLOW.replace("flow: order", "flow: order\nlanguages: [en]"))
    write_project(kiosk, order="flow: order\nlanguages: [en]\nnodes:\n  - say: Welcome\n")
    assert [one.context for one in opened(export(rapport, kiosk)) if one.id] == [
        "crm/fields/size/label",
        "crm/fields/colour/label",
        "crm/fields/colour/options/red/label",
        "crm/fields/colour/options/blue/label",
    ]
