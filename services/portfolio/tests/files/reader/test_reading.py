"""Reading a portfolio file gives the accepted rows."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from jurisdictions import UnknownJurisdiction
from portfolio.files.reader.__main__ import main
from portfolio.files.reader.columns import ACCEPTED_COLUMNS
from portfolio.files.reader.rows import Summary
from portfolio.tabular.profiles import FILE_COLUMNS, PORTUGUESE_HEADERS, SPANISH_HEADERS
from portfolio.tabular.records import FileProblem
from portfolio_files import GOOD, file_of, joined, line, read

OPTIONS = ["--jurisdiction", "MX", "--portfolio", str(UUID(int=1)), "--creditor", str(UUID(int=2))]


def test_a_good_row_is_read_whole(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(amount_due="$1,234.50", address_kind="Particular")))
    assert found.rejected == []
    assert list(found.accepted[0]) == list(ACCEPTED_COLUMNS)
    assert {name: value for name, value in found.accepted[0].items() if value} == {
        "row_number": "2",
        "contract_number": "C-1",
        "debtor_number": "D-1",
        "debtor_name": "Íñigo Peña",
        "debtor_kind": "person",
        "instalment_number": "1",
        "due_on": "2026-11-30",
        "amount": "1234.50",
        "phone_1": "044 999 519 4875",
        "phone_1_e164": "+529995194875",
        "address_kind": "personal",
        "street": "Calle 5",
        "exterior": "S/N",
        "postal_code": "97000",
        "city": "Mérida",
        "state": "Yucatán",
        "timezone": "America/Mexico_City",
        "irregular_numbering": "true",
    }
    assert found.summary == Summary(1, 1, 0, Decimal("1234.50"), 1, tuple(SPANISH_HEADERS.values()), FILE_COLUMNS)


def test_canonical_headers_iso_dates_and_any_column_order_give_the_same_rows(tmp_path: Path) -> None:
    columns = tuple(reversed(FILE_COLUMNS))
    path = tmp_path / "canonical.csv"
    cells = {"debtor_kind": "person", "due_date": "2026-11-30", "address_kind": "personal"}
    row = joined(GOOD | cells, columns)
    path.write_text(",".join(columns) + "\n" + row + "\n", encoding="utf-8")
    spanish = read(file_of(tmp_path, line(address_kind="Particular")))
    assert read(path).accepted == spanish.accepted


@pytest.mark.parametrize(("jurisdiction", "month"), [("MX", 4), ("BR", 4), ("GB", 4), ("US", None)])
def test_under_the_canonical_header_the_country_decides_the_order_of_a_date(
    tmp_path: Path, jurisdiction: str, month: int | None
) -> None:
    path = tmp_path / "canonical.csv"
    path.write_text(",".join(FILE_COLUMNS) + "\n" + line(due_date="03/04/2026") + "\n", encoding="utf-8")
    if month is None:
        with pytest.raises(FileProblem, match="nothing shows whether row 2") as problem:
            read(path, jurisdiction)
        assert problem.value.code == "ambiguous_dates"
    else:
        assert read(path, jurisdiction).accepted[0]["due_on"] == f"2026-{month:02d}-03"


def test_under_a_spanish_header_days_are_first_in_every_country(tmp_path: Path) -> None:
    assert read(file_of(tmp_path, line(due_date="03/04/2026")), "US").accepted[0]["due_on"] == "2026-04-03"


def test_portuguese_headers_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "carteira.csv"
    path.write_text(",".join(PORTUGUESE_HEADERS.values()) + "\n" + line() + "\n", encoding="utf-8")
    assert read(path).accepted == read(file_of(tmp_path, line())).accepted


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_encoding_of_a_file_is_detected(tmp_path: Path, encoding: str) -> None:
    found = read(file_of(tmp_path, line(), encoding=encoding))
    assert found.accepted[0]["debtor_name"] == "Íñigo Peña"


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_are_detected_from_the_header(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "cartera.csv"
    rows = [
        delimiter.join(SPANISH_HEADERS.values()),
        joined(GOOD | {"amount_due": "1,234.50"}, FILE_COLUMNS, delimiter),
    ]
    path.write_text("\n".join(rows), encoding="utf-8")
    assert read(path).accepted[0]["amount"] == "1234.50"


def test_headers_match_whatever_their_accents_case_and_blanks(tmp_path: Path) -> None:
    path = tmp_path / "cartera.csv"
    header = " NO. CONTRATO,nombre/razon social , Fecha  de Vencimiento,IMPORTE VENCIDO,CP"
    path.write_text(f"{header}\nC-1,Ana,30/11/2026,5,97000\n", encoding="utf-8")
    found = read(path)
    assert found.accepted[0]["postal_code"] == "97000"
    assert found.summary.header == (
        "NO. CONTRATO",
        "nombre/razon social",
        "Fecha  de Vencimiento",
        "IMPORTE VENCIDO",
        "CP",
    )


def test_without_instalment_numbers_the_due_dates_number_the_instalments(tmp_path: Path) -> None:
    columns = tuple(column for column in FILE_COLUMNS if column != "instalment_number")
    days = ["30/11/2026", "30/09/2026", "30/10/2026"]
    rows = [joined(GOOD | {"due_date": day}, columns) for day in days]
    found = read(file_of(tmp_path, *rows, columns=columns))
    assert [row["instalment_number"] for row in found.accepted] == ["3", "1", "2"]


def test_a_quoted_line_break_is_one_record_of_two_lines(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(street="Calle 5\r\nInt. 3"), line(contract_number="C-2")))
    assert found.accepted_numbers == [2, 3]
    assert found.accepted[0]["street"] == "Calle 5 Int. 3"


def test_a_cell_of_two_lines_that_may_have_swallowed_a_row_is_refused(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(street="Calle 5\nC-7,Eva"), line(contract_number="C-2")))
    assert found.codes == {2: ["control_character"]}
    assert found.accepted_numbers == [3]


def test_quotation_marks_inside_a_name_are_text(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(debtor_name='Ana "La Güera" Peña')))
    assert found.accepted[0]["debtor_name"] == 'Ana "La Güera" Peña'


def test_blank_lines_are_not_rows_but_count_as_records(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(), "", line(contract_number="C-2"), "", ""))
    assert (found.summary.rows_read, found.accepted_numbers) == (2, [2, 4])


@pytest.mark.parametrize("number", ["10E5", "1E5", "12.5.0", "SÃO-1", "#12", "A.0"])
def test_an_identifier_that_no_spreadsheet_has_made_is_kept(tmp_path: Path, number: str) -> None:
    assert read(file_of(tmp_path, line(contract_number=number))).accepted[0]["contract_number"] == number


def test_a_phone_that_ends_in_point_zero_is_kept_and_its_row_is_loaded(tmp_path: Path) -> None:
    assert read(file_of(tmp_path, line(phone_1="5512345678.0"))).accepted[0]["phone_1"] == "5512345678.0"


@pytest.mark.parametrize(
    "number", ["C-1\u200b", "\ufeffC-1", "C\u00ad-1", "C\u20111", "Ｃ-1", "'C-1", '="C-1"', " C-1\u00a0"]
)
def test_spellings_of_one_number_are_one_contract(tmp_path: Path, number: str) -> None:
    quoted = number.replace('"', '""')
    found = read(file_of(tmp_path, line(), line(contract_number=f'"{quoted}"', instalment_number="2")))
    assert [row["contract_number"] for row in found.accepted] == ["C-1", "C-1"]
    again = tmp_path / "again"
    again.mkdir()
    assert read(file_of(again, line(), line(contract_number=f'"{quoted}"'))).codes == {
        2: ["duplicate_instalment"],
        3: ["duplicate_instalment"],
    }


def test_a_ragged_row_names_its_contract_in_the_one_spelling(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, "'C\u2011\u200b1,x", line(contract_number="C-2")))
    assert found.rejected[0]["contract_number"] == "C-1"


def test_the_guards_of_a_spreadsheet_are_taken_off_every_cell(tmp_path: Path) -> None:
    cells = {
        "contract_number": '"=""000123"""',
        "debtor_name": "'=Ana",
        "due_date": "'30/11/2026",
        "amount_due": "'1234.50",
        "phone_1": "'+52 9996236671",
        "postal_code": '"=""04000"""',
    }
    [row] = read(file_of(tmp_path, line(**cells))).accepted
    assert {name: row[name] for name in ("contract_number", "debtor_name", "due_on", "amount", "postal_code")} == {
        "contract_number": "000123",
        "debtor_name": "=Ana",
        "due_on": "2026-11-30",
        "amount": "1234.50",
        "postal_code": "04000",
    }
    assert row["phone_1_e164"] == "+529996236671"


def test_rows_of_blanks_are_no_rows(tmp_path: Path) -> None:
    blank = " , \u00a0,\u200b" + "," * 17
    found = read(file_of(tmp_path, line(), blank, "," * 19, line(contract_number="C-2")))
    assert (found.summary.rows_read, found.accepted_numbers) == (2, [2, 5])


@pytest.mark.parametrize("above", ["sep=;\r\n", '"sep=;"\n', "SEP=;\n;;;\n\n", "sep=,\n"])
def test_what_stands_above_the_header_is_left_out(tmp_path: Path, above: str) -> None:
    path = tmp_path / "cartera.csv"
    header, row = ";".join(SPANISH_HEADERS.values()), joined(GOOD, FILE_COLUMNS, ";")
    path.write_bytes(f"\ufeff{above}{header}\r\n{row}\r\n".encode())
    assert read(path).accepted_numbers == [2]


def test_kind_time_zone_and_issues_of_an_address_are_found(tmp_path: Path) -> None:
    found = read(
        file_of(
            tmp_path,
            line(exterior="12", address_kind="Fiscal", postal_code="32000"),
            line(contract_number="C-2", exterior="Mz 3 Lt 5", address_kind="Yate", state="Atlantis", postal_code=""),
            line(contract_number="C-3", street="", exterior="", postal_code="", city="juárez", state="CHIHUAHUA"),
            line(contract_number="C-4", street="", exterior="", postal_code="", city="", state=""),
        )
    )
    columns = ("address_kind", "timezone", "irregular_numbering", "address_issues")
    assert [tuple(row[name] for name in columns) for row in found.accepted] == [
        ("fiscal", "America/Mexico_City", "false", "postal_code_of_another_state"),
        ("other", "", "true", "unknown_kind unknown_state no_postal_code"),
        ("other", "America/Ciudad_Juarez", "false", "no_street no_postal_code"),
        ("", "", "false", ""),
    ]


def test_a_phone_that_cannot_be_dialled_is_kept_as_it_is(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(phone_1="12345", phone_2="(999) 5194876")))
    row = found.accepted[0]
    assert (row["phone_1"], row["phone_1_e164"], row["phone_2_e164"]) == ("12345", "", "+529995194876")


async def test_postgresql_copies_both_files_as_they_are(tmp_path: Path, database_dsn: str) -> None:
    name, street = 'Ana "La \\Güera" Peña', "\\."
    rows = [line(debtor_name=name, street=street), line(contract_number="C-2", debtor_name="\0\x1f\n", street="NULL")]
    found = read(file_of(tmp_path, *rows))
    database = await asyncpg.connect(database_dsn)
    try:
        accepted = ", ".join(f"{column} text" for column in ACCEPTED_COLUMNS)
        await database.execute(f"CREATE TABLE file_row ({accepted})")
        await database.execute(
            "CREATE TABLE file_reject (row_number int, contract_number text, errors jsonb, cells jsonb)"
        )
        for table, file in (("file_row", "accepted.csv"), ("file_reject", "rejected.csv")):
            source = tmp_path / "cartera.out" / file
            await database.copy_to_table(table, source=source, format="csv", header=True)
        [row] = await database.fetch("SELECT debtor_name, street, product, due_on::date FROM file_row")
        assert tuple(row) == (name, street, None, date(2026, 11, 30))
        street_place = FILE_COLUMNS.index("street")
        [reject] = await database.fetch(f"SELECT row_number, cells ->> 2, cells ->> {street_place} FROM file_reject")
        assert tuple(reject) == (3, "\u2400\x1f ", "NULL")
    finally:
        await database.close()
    assert found.summary.rows_rejected == 1


@pytest.mark.parametrize("name", ["O’Brien", "¿Ana?", "Calle 5ª § 3", "£5", "3 ± 4"])
def test_signs_beside_words_are_no_garbled_letters(tmp_path: Path, name: str) -> None:
    assert read(file_of(tmp_path, line(debtor_name=name))).rejected == []


def test_an_unknown_jurisdiction_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownJurisdiction):
        read(file_of(tmp_path, line()), "ZZ")


def test_the_command_prints_the_summary_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path, line(), line(instalment_number="x"))
    assert main([str(path), str(tmp_path), *OPTIONS]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said[0] == {"rows_done": 2}
    summary = said[-1]["answer"]
    layout = summary.pop("layout")
    assert layout["columns"][0] == {"source": "No. Contrato", "field": "contract_number"}
    assert summary == {
        "rows_read": 2,
        "rows_accepted": 1,
        "rows_rejected": 1,
        "amount_accepted": "1234.50",
        "contracts": 1,
        "header": list(SPANISH_HEADERS.values()),
        "columns": list(FILE_COLUMNS),
        "warnings": [],
    }


def test_the_command_prints_why_a_file_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(b"")
    assert main([str(path), str(tmp_path), *OPTIONS]) == 1
    assert json.loads(capsys.readouterr().out)["problem"]["code"] == "empty"
