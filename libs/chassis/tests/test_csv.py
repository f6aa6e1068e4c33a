"""CSV for people: no formula runs, and phones and numbers stay as they are."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from chassis.csv import safe_cell, safe_csv_rows


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "+",
        "-",
        "+52 55 1234",
        "+525512345678,1",
        "+525512345678 =1",
        "+12345",
        "-12.5.0",
        "-1e5",
        "--1",
        "＝1+1",
        "+١٢٣٤٥٦٧",
    ],
)
def test_a_formula_is_defused(cell: str) -> None:
    assert safe_cell(cell) == "'" + cell


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("a;=1+1", "a;'=1+1"),
        ("a,b;@SUM(A1)", "a,b;'@SUM(A1)"),
        ("a\t=1", "a\t'=1"),
        ("a\n-1-1", "a\n'-1-1"),
        ("a;b;＝1;+1+1", "a;b;'＝1;'+1+1"),
        ("=1;=2", "'=1;'=2"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("\n=1", "'\n'=1"),
        ("\tx", "'\tx"),
        ("5512345678;+525512345678;-12.50", "5512345678;+525512345678;-12.50"),
    ],
)
def test_a_formula_is_defused_wherever_a_program_may_begin_a_cell(cell: str, written: str) -> None:
    """A Spanish Excel separates cells at semicolons."""
    assert safe_cell(cell) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("+525512345678", "+525512345678"),
        ("+525512345678 +523312345678", "+525512345678 +523312345678"),
        ("-12.50", "-12.50"),
        (Decimal("-12.50"), "-12.50"),
        (-3, "-3"),
        ("Ana=López", "Ana=López"),
        ("'=1", "'=1"),
        (None, ""),
        ("", ""),
        (True, "True"),
    ],
)
def test_harmless_values_stay_as_they_are(value: object, written: str) -> None:
    assert safe_cell(value) == written


def test_a_csv_file_reads_back_as_written() -> None:
    rows: list[list[Any]] = [["row_number", "name"], [2, 'Peña, "Ana"'], [3, "two\r\nlines"], [4, "=1"]]
    written = b"".join(safe_csv_rows(rows))
    assert written.startswith(b"\xef\xbb\xbfrow_number,name\r\n")
    read = list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline="")))
    assert read == [["row_number", "name"], ["2", 'Peña, "Ana"'], ["3", "two\r\nlines"], ["4", "'=1"]]


def test_a_long_csv_file_is_written_in_pieces() -> None:
    pieces = list(safe_csv_rows([["x" * 1000]] * 200))
    assert len(pieces) == 5
    assert b"".join(safe_csv_rows([["more"]], first=False)) == b"more\r\n"
    assert list(safe_csv_rows([], first=False)) == []
