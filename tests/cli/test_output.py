"""Cells: what people wrote stays theirs, in a terminal and in a spreadsheet."""

from __future__ import annotations

import json

import pytest

from rapport.cli.output import Format, print_rows


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=SUM(A1)", "'=SUM(A1)"),
        ("@cmd", "'@cmd"),
        ("-1+2", "'-1+2"),
        ("+989121234567", "+989121234567"),
        (-5, "-5"),
        (None, ""),
        (True, "yes"),
        (["VIP", "Lead"], '"VIP, Lead"'),
    ],
)
def test_csv_holds_no_formula(capsys: pytest.CaptureFixture[str], value: object, cell: str) -> None:
    print_rows([{"x": value}], ["x"], Format.CSV, "")
    assert capsys.readouterr().out == f"x\n{cell}\n" if cell else 'x\n""\n'


def test_a_table_takes_texts_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"name": "[red]سارا[/red]"}], ["name"], Format.TABLE, "")
    assert "[red]سارا[/red]" in capsys.readouterr().out


def test_json_has_what_a_table_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "سارا", "more": 1}]
    print_rows(rows, ["name"], Format.JSON, "")
    assert json.loads(capsys.readouterr().out) == rows


def test_a_table_without_rows_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], ["name"], Format.TABLE, "nobody")
    assert capsys.readouterr().out == "nobody\n"
