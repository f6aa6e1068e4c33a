"""What cannot be read for sure rejects its row, its contract or the whole file, and says why."""

import csv
import json
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from chassis.csv import safe_csv_rows
from portfolio.files.reader.columns import REJECTED_COLUMNS
from portfolio.files.reader.rows import Summary
from portfolio.tabular.csv import MAX_LINE_BYTES
from portfolio.tabular.profiles import FILE_COLUMNS, SPANISH_HEADERS
from portfolio.tabular.records import FileProblem
from portfolio_files import GOOD, file_of, joined, line, read


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ({"contract_number": " "}, "No. Contrato", "no_contract"),
        ({"debtor_name": "\u00a0 "}, "Nombre / Razón social", "no_name"),
        ({"debtor_kind": "Marciano"}, "Tipo de persona", "bad_kind"),
        ({"due_date": ""}, "Fecha de vencimiento", "bad_date"),
        ({"due_date": "31/02/2026"}, "Fecha de vencimiento", "bad_date"),
        ({"due_date": "01/01/0000"}, "Fecha de vencimiento", "bad_date"),
        ({"due_date": "31/12/1999"}, "Fecha de vencimiento", "bad_date"),
        ({"due_date": "01/01/9999"}, "Fecha de vencimiento", "bad_date"),
        ({"due_date": "30/11/26"}, "Fecha de vencimiento", "bad_date"),
        ({"due_date": "13/31/2026"}, "Fecha de vencimiento", "bad_date"),
        ({"due_date": "2026-11-30T06:00:00Z"}, "Fecha de vencimiento", "bad_date"),
        ({"amount_due": ""}, "Importe vencido", "bad_amount"),
        ({"amount_due": "NaN"}, "Importe vencido", "bad_amount"),
        ({"amount_due": "Infinity"}, "Importe vencido", "bad_amount"),
        ({"amount_due": "1e400"}, "Importe vencido", "bad_amount"),
        ({"amount_due": "1_000"}, "Importe vencido", "bad_amount"),
        ({"amount_due": "true"}, "Importe vencido", "bad_amount"),
        ({"amount_due": "1.50E+03"}, "Importe vencido", "bad_amount"),
        ({"amount_due": "0 500.00"}, "Importe vencido", "bad_amount"),
        ({"amount_due": "1,23.50"}, "Importe vencido", "bad_amount"),
        ({"amount_due": "12.345"}, "Importe vencido", "bad_amount"),
        ({"amount_due": "1234567890123"}, "Importe vencido", "bad_amount"),
        ({"amount_due": "٣"}, "Importe vencido", "bad_amount"),
        ({"amount_due": "$-5.00"}, "Importe vencido", "negative_amount"),
        ({"amount_due": "5.00-"}, "Importe vencido", "negative_amount"),
        ({"amount_due": "(5.00)"}, "Importe vencido", "negative_amount"),
        ({"amount_due": "-$1,234.50"}, "Importe vencido", "negative_amount"),
        ({"amount_due": "$0.00"}, "Importe vencido", "zero_amount"),
        ({"amount_due": "-0"}, "Importe vencido", "zero_amount"),
        ({"instalment_number": ""}, "No. Mensualidad", "bad_instalment_number"),
        ({"instalment_number": "0"}, "No. Mensualidad", "bad_instalment_number"),
        ({"instalment_number": "1.5"}, "No. Mensualidad", "bad_instalment_number"),
        ({"instalment_number": "99999999999"}, "No. Mensualidad", "bad_instalment_number"),
        ({"street": "x" * 201}, "Calle", "too_long"),
        ({"contract_number": "1.23457E+11"}, "No. Contrato", "spreadsheet_number"),
        ({"contract_number": "1E+11"}, "No. Contrato", "spreadsheet_number"),
        ({"contract_number": "5512345678.0"}, "No. Contrato", "spreadsheet_number"),
        ({"contract_number": "5512345678,00"}, "No. Contrato", "spreadsheet_number"),
        ({"debtor_number": "1.23457e+011"}, "No. Cliente", "spreadsheet_number"),
        ({"debtor_number": "77.0"}, "No. Cliente", "spreadsheet_number"),
        ({"phone_1": "5.51235E+09"}, "Teléfono 1", "spreadsheet_number"),
        ({"contract_number": "=A2&B2"}, "No. Contrato", "formula"),
        ({"debtor_number": "#N/D"}, "No. Cliente", "spreadsheet_error"),
        ({"debtor_name": "#¡REF!"}, "Nombre / Razón social", "spreadsheet_error"),
        ({"phone_2": "########"}, "Teléfono 2", "spreadsheet_error"),
        ({"debtor_name": "Mu\ufffdoz"}, "Nombre / Razón social", "bad_encoding"),
        ({"debtor_name": "MuÃ±oz"}, "Nombre / Razón social", "bad_encoding"),
        ({"debtor_name": "Le\0ti"}, "Nombre / Razón social", "control_character"),
        ({"debtor_name": "Ana\u202eanA"}, "Nombre / Razón social", "control_character"),
        ({"street": "Calle\u200f 5"}, "Calle", "control_character"),
        ({"street": "Calle\x855"}, "Calle", "control_character"),
        ({"city": "Mé,\nrida"}, "Municipio", "control_character"),
    ],
)
def test_each_problem_names_the_column_as_the_file_does(
    tmp_path: Path, cells: dict[str, str], column: str, code: str
) -> None:
    found = read(file_of(tmp_path, line(**cells), line(contract_number="C-2")))
    assert [(e["column"], e["code"]) for e in json.loads(found.rejected[0]["errors"])] == [(column, code)]
    assert found.accepted_numbers == [3]


def test_every_problem_of_a_row_is_listed(tmp_path: Path) -> None:
    row = line(contract_number="", debtor_name="", due_date="mañana", amount_due="-1", city="\0")
    found = read(file_of(tmp_path, row))
    assert found.codes == {2: ["control_character", "no_contract", "no_name", "bad_date", "negative_amount"]}
    reasons = [error["reason"] for error in json.loads(found.rejected[0]["errors"])]
    assert all(reasons)


def test_a_rejected_row_keeps_its_own_fields(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(debtor_name=' Le\0ti "x" ', amount_due="$1x0")))
    [row] = found.rejected
    assert list(row) == list(REJECTED_COLUMNS)
    cells = json.loads(row["cells"])
    assert cells[FILE_COLUMNS.index("debtor_name")] == ' Le\u2400ti "x" '
    assert cells[FILE_COLUMNS.index("amount_due")] == "$1x0"
    assert len(cells) == len(FILE_COLUMNS)


def test_ragged_rows_are_rejected_with_all_their_fields(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line() + ",sobra,\0", "C-2,D-2,Ana", line(contract_number="C-3")))
    assert found.codes == {2: ["ragged", "control_character"], 3: ["ragged"]}
    assert json.loads(found.rejected[0]["cells"])[-2:] == ["sobra", "\u2400"]
    assert json.loads(found.rejected[1]["cells"]) == ["C-2", "D-2", "Ana"]
    assert [row["contract_number"] for row in found.rejected] == ["C-1", "C-2"]
    assert found.accepted_numbers == [4]


def test_a_contract_number_with_a_control_character_still_names_its_contract(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(contract_number="C\0-1"), line(contract_number="\0")))
    assert [row["contract_number"] for row in found.rejected] == ["C-1", ""]


def test_two_rows_of_one_instalment_are_both_rejected(tmp_path: Path) -> None:
    rows = [line(), line(instalment_number="2"), line(instalment_number="01 "), line(contract_number="C-2")]
    found = read(file_of(tmp_path, *rows))
    assert found.codes == {2: ["duplicate_instalment"], 4: ["duplicate_instalment"]}
    assert found.accepted_numbers == [3, 5]


def test_a_row_whose_duplicate_is_bad_is_rejected_too(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(), line(amount_due="N/A")))
    assert found.codes == {2: ["duplicate_instalment"], 3: ["bad_amount", "duplicate_instalment"]}


def test_rows_without_a_contract_number_are_not_duplicates(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(contract_number=""), line(contract_number="")))
    assert found.codes == {2: ["no_contract"], 3: ["no_contract"]}


def test_without_instalment_numbers_the_same_due_date_twice_is_a_duplicate(tmp_path: Path) -> None:
    columns = tuple(column for column in FILE_COLUMNS if column != "instalment_number")
    found = read(file_of(tmp_path, *[joined(GOOD, columns)] * 2, columns=columns))
    assert found.codes == {2: ["duplicate_instalment"], 3: ["duplicate_instalment"]}


@pytest.mark.parametrize("name", ['"Ana', '"Ana"x'])
def test_a_stray_quotation_mark_costs_one_row(tmp_path: Path, name: str) -> None:
    good = [line(contract_number=f"C-{n}", amount_due="1,234.50") for n in range(2, 200)]
    bad = line(debtor_name=name)
    found = read(file_of(tmp_path, *good[:3], bad, *good[3:]))
    assert found.codes == {5: ["bad_quotes"]}
    assert found.rejected[0]["contract_number"] == "C-1"
    assert found.summary.rows_accepted == len(good)


def test_a_quotation_mark_not_closed_at_the_end_of_the_file_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "cartera.csv"
    path.write_bytes(file_of(tmp_path, line()).read_bytes() + b'C-2,D-2,"Ana')
    assert read(path).codes == {3: ["bad_quotes"]}


def test_a_damaged_line_of_a_utf8_file_is_rejected_alone(tmp_path: Path) -> None:
    path = file_of(tmp_path, line(), line(contract_number="C-2"))
    path.write_bytes(path.read_bytes() + line(contract_number="C-3").encode("cp1252"))
    found = read(path)
    assert found.codes == {4: ["bad_encoding"]}
    assert found.accepted[0]["debtor_name"] == "Íñigo Peña"


def test_a_field_beyond_the_reader_s_limit_is_rejected(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(street="x" * 200_000), line(contract_number="C-2")))
    assert (found.codes, found.accepted_numbers) == ({2: ["too_long"]}, [3])


def test_rejected_rows_come_back_with_our_columns_and_guards(tmp_path: Path) -> None:
    """Whatever a cell held, the row that is sent back as it is says the same as the row that was sent first."""
    cells = {
        "contract_number": '"=""000123"""',
        "debtor_name": "-Ana;=x",
        "street": "@5",
        "phone_1": "+52 999 623 6671",
    }
    first = read(file_of(tmp_path, line(**cells)))
    header = ["row_number", "errors", *SPANISH_HEADERS.values(), "file_id"]
    raw = next(csv.reader([line(**cells)]))
    back = tmp_path / "rejects.csv"
    back.write_bytes(b"".join(safe_csv_rows([header, [7, "=1: is bad (bad_date)", *raw, UUID(int=5)]])))
    again = read(back)
    assert again.accepted == [row | {"rejected_row": "7"} for row in first.accepted]
    assert again.summary.header == tuple(SPANISH_HEADERS.values())


def test_a_rejected_row_of_rejected_rows_has_none_of_our_columns(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    header = ",".join(["row_number", "errors", *SPANISH_HEADERS.values(), "file_id"])
    path.write_text(f"{header}\n7,why,{line(amount_due='x')},{UUID(int=5)}\n8,why,C-2\n", encoding="utf-8")
    found = read(path)
    assert found.codes == {2: ["bad_amount"], 3: ["ragged"]}
    assert json.loads(found.rejected[0]["cells"]) == next(csv.reader([line(amount_due="x")]))
    assert json.loads(found.rejected[1]["cells"]) == ["C-2"]
    assert found.rejected[1]["contract_number"] == "C-2"


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (({"debtor_number": "D-1"}, {"debtor_number": "D-2"}), ["No. Cliente"]),
        (({"tax_id": "GODE561231GR8"}, {"tax_id": "XEXX010101000"}), ["RFC"]),
        (
            ({"debtor_number": "", "debtor_name": "Ana Sol"}, {"debtor_number": "", "debtor_name": "Luis Mar"}),
            ["Nombre / Razón social"],
        ),
        (({"tax_id": "GODE561231GR8"}, {"tax_id": "gode-561231-gr8"}), []),
        (({"debtor_name": "Ana Sol"}, {"debtor_name": "Luis Mar"}), []),
        (({"debtor_number": "", "debtor_name": "ANA SOL"}, {"debtor_number": "", "debtor_name": "Ana  Sól"}), []),
        (({"debtor_number": "D-1"}, {"debtor_number": ""}), []),
    ],
    ids=["numbers", "tax ids", "names alone", "one tax id", "one number", "one name", "once no number"],
)
def test_a_contract_of_two_customers_is_rejected_whole(
    tmp_path: Path, rows: tuple[dict[str, str], dict[str, str]], columns: list[str]
) -> None:
    lines = [line(instalment_number=str(n), **cells) for n, cells in enumerate(rows, start=1)]
    found = read(file_of(tmp_path, *lines, line(contract_number="C-2")))
    rejected = {
        int(row["row_number"]): [(e["column"], e["code"]) for e in json.loads(row["errors"])] for row in found.rejected
    }
    assert rejected == {number: [(column, "two_customers")] for number in (2, 3) for column in columns}


def test_a_file_whose_rows_are_all_bad_has_nothing_to_load(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(amount_due="x")))
    assert found.accepted == []
    assert found.summary == Summary(1, 0, 1, Decimal("0.00"), 0, tuple(SPANISH_HEADERS.values()), FILE_COLUMNS)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "empty"),
        ([""], "empty"),
        ([line(), line(contract_number="C-2", street="x" * MAX_LINE_BYTES)], "line_too_long"),
    ],
)
def test_a_problem_that_only_reading_finds_is_raised_and_nothing_is_written(
    tmp_path: Path, lines: list[str], code: str
) -> None:
    with pytest.raises(FileProblem) as problem:
        read(file_of(tmp_path, *lines))
    assert problem.value.code == code
    assert not list(tmp_path.glob("*.out/*"))


def test_a_line_with_bytes_that_no_windows_has_is_rejected_alone(tmp_path: Path) -> None:
    path = file_of(tmp_path, line(), encoding="cp1252")
    path.write_bytes(
        path.read_bytes()
        + line(contract_number="C-2", debtor_name="Agust").encode("cp1252").replace(b"Agust", b"Ag\x81st")
    )
    found = read(path)
    assert (found.codes, found.accepted_numbers) == ({3: ["bad_encoding"]}, [2])


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_single_rows_in_another_code_page_are_rejected(tmp_path: Path, encoding: str) -> None:
    good = (line(contract_number=f"C-{n}") for n in range(5))
    garbled = (line(contract_number="D-1", debtor_name="Ana Mu¤oz"), line(contract_number="D-2", street="Garc¡a 5"))
    found = read(file_of(tmp_path, *good, *garbled, encoding=encoding))
    assert found.codes == {7: ["bad_encoding"], 8: ["bad_encoding"]}


@pytest.mark.parametrize("jurisdiction", ["MX", "BR", "US", "GB"])
@pytest.mark.parametrize(
    "phone", ["5512345678 / 5587654321", "5512345678;5587654321", "11987654321, 1133334444", "12125551234/5"]
)
def test_two_numbers_in_a_cell_are_never_dialled_as_one(tmp_path: Path, jurisdiction: str, phone: str) -> None:
    [row] = read(file_of(tmp_path, line(phone_1=phone, due_date="2026-11-30")), jurisdiction).accepted
    assert (row["phone_1"], row["phone_1_e164"]) == (phone, "")
