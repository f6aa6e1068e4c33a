"""Files in the layouts of many lenders load without a profile, and files that nobody can load say why."""

import gzip
import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import polars as pl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from portfolio.files.file_sentences import SENTENCES
from portfolio.files.reader.checks import Reading
from portfolio.files.reader.contracts import Contracts
from portfolio.files.reader.rows import read_portfolio_file
from portfolio.files.reader.trailers import Controls
from portfolio.tabular import opening
from portfolio.tabular.layouts import Layout
from portfolio.tabular.records import FileProblem
from portfolio_files import Read, rows_of

CANONICAL = "contract_number,debtor_name,due_date,amount_due\n"
ROW = "C-1,Ana,2026-11-30,10.50\n"


def read(
    tmp_path: Path,
    content: bytes | str,
    country: str = "MX",
    currency: str = "MXN",
    layout: Layout | None = None,
    **controls: Any,
) -> Read:
    path, out = tmp_path / "file", tmp_path / "out"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    out.mkdir()
    reading = Reading(country, currency, layout or Layout())
    contracts = Contracts(out, country, UUID(int=1), UUID(int=2))
    summary = read_portfolio_file(path, out, reading, contracts, controls=Controls(**controls))
    return Read(summary, rows_of(out / "accepted.csv"), rows_of(out / "rejected.csv"))


def figures(found: Read) -> list[tuple[str, str, str]]:
    return [(row["contract_number"], row["due_on"], row["amount"]) for row in found.accepted]


def workbook(*sheets: tuple[str, Sequence[Sequence[Any]]], hidden_row: int | None = None) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
        if hidden_row is not None:
            sheet.row_dimensions[hidden_row].hidden = True
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def zipped(*members: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return content.getvalue()


HEADER = ("No. Contrato", "Nombre", "Fecha de vencimiento", "Importe vencido")


def test_portuguese_headers_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    text = "Contrato;Nome do cliente;Vencimento;Valor em aberto;CPF;Celular\n"
    text += "A1;João;30/11/2026;1.234,50;1;(11) 98765-4321\n"
    found = read(tmp_path, text.encode("cp1252"), "BR", "BRL")
    assert figures(found) == [("A1", "2026-11-30", "1234.50")]
    assert (found.accepted[0]["debtor_name"], found.accepted[0]["phone_1_e164"]) == ("João", "+5511987654321")


def test_shuffled_headers_with_foreign_columns_which_come_back_with_rejected_rows(tmp_path: Path) -> None:
    text = (
        "Sucursal,Saldo vencido,Nombre del cliente,Fecha de vto.,Ejecutivo,Número de crédito,Tel. casa,Celular\n"
        'Norte,"$1,234.50 MXN",Ana,30-nov-26,Luis,000123,5512345678,5598765432\n'
        "Sur,(5.00),Eva,1-ene-27,Rosa,000124,,\n"
    )
    found = read(tmp_path, text)
    assert figures(found) == [("000123", "2026-11-30", "1234.50")]
    assert (found.accepted[0]["phone_1"], found.accepted[0]["phone_2"]) == ("5512345678", "5598765432")
    assert found.codes == {3: ["negative_amount"]}
    assert '"Sur","(5.00)","Eva","1-ene-27","Rosa","000124"' in found.rejected[0]["cells"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_with_tabs(tmp_path: Path, encoding: str) -> None:
    found = read(tmp_path, (CANONICAL + "C-1,Íñigo,2026-11-30,10.50\n").replace(",", "\t").encode(encoding))
    assert found.accepted[0]["debtor_name"] == "Íñigo"


def test_pipes_with_everything_quoted(tmp_path: Path) -> None:
    text = '"Account Number"|"Customer Name"|"Due Date"|"Balance"\n"1"|"Ann"|"30-Nov-26"|"1,234.50"\n'
    assert figures(read(tmp_path, text, "US", "USD")) == [("1", "2026-11-30", "1234.50")]


def test_title_lines_above_the_header_and_a_total_below(tmp_path: Path) -> None:
    text = "Banco del Norte\nCartera vencida, al 30/11/2026\n\nContrato,Cliente,Vencimiento,Saldo\n"
    text += "1,Ana,30/11/2026,10.00\n2,Eva,30/11/2026,20.00\nTotal,2,,30.00\n"
    found = read(tmp_path, text)
    assert (found.summary.rows_read, found.rejected) == (2, [])
    assert found.summary.warnings == ("The last rows are taken for totals, not for contracts: 1.",)


@pytest.mark.parametrize(
    "trailer",
    ["Total,3,,30.00", "Total,2,,30.01", "Registros: 3", "Total registros,3", "Importe total,31.00", "TRL,2,31.00"],
)
def test_a_wrong_trailer_refuses_the_file(tmp_path: Path, trailer: str) -> None:
    with pytest.raises(FileProblem, match="Nothing was applied") as problem:
        read(tmp_path, f"{CANONICAL}1,Ana,2026-11-30,10.00\n2,Eva,2026-11-30,20.00\n{trailer}\n")
    assert problem.value.code == "control_totals_differ"


@pytest.mark.parametrize(
    "trailer",
    [
        *(
            "Total,2,,30.00",
            "Registros: 2",
            "TRL,2,30.00",
            "Importe total,$30.00",
            "Total contratos,1",
            ",,TOTAL,30.00",
        ),
        *(
            "Total de registros: 2,Importe total: 30.00",
            "Número de registros,2\nMonto total,30.00",
            "Fin de archivo 2 registros",
        ),
    ],
)
def test_a_right_trailer_is_no_row(tmp_path: Path, trailer: str) -> None:
    found = read(tmp_path, f"{CANONICAL}1,Ana,2026-11-30,10.00\n2,Eva,2026-11-30,20.00\n{trailer}\n")
    assert (found.summary.rows_read, found.rejected) == (2, [])


def test_a_contract_called_total_is_a_contract(tmp_path: Path) -> None:
    assert figures(read(tmp_path, f"{CANONICAL}TOTAL-1,Ana,2026-11-30,10.00\n")) == [("TOTAL-1", "2026-11-30", "10.00")]


@pytest.mark.parametrize(
    ("controls", "told"),
    [
        ({"rows": 3}, "rows 3, amount –. The file has: rows 2, amount 30.50. Nothing"),
        ({"amount": Decimal("31.00")}, "rows –, amount 31.00. The file has: rows 2, amount 30.50. Nothing"),
    ],
)
def test_control_totals_that_differ_refuse_the_file(tmp_path: Path, controls: dict[str, Any], told: str) -> None:
    text = f"{CANONICAL}1,Ana,2026-11-30,10.50\n2,,2026-11-30,20.00\n"
    with pytest.raises(FileProblem, match=told) as problem:
        read(tmp_path, text, **controls)
    assert problem.value.code == "control_totals_differ"
    # A rejected row counts, with its amount.
    again = tmp_path / "again"
    again.mkdir()
    assert read(again, text, rows=2, amount=Decimal("30.50")).summary.rows_rejected == 1


def test_a_workbook_with_a_cover_sheet_and_mixed_cells(tmp_path: Path) -> None:
    rows: list[Sequence[object]] = [
        ["Cartera al 30/11/2026"],
        [],
        [*HEADER, "C.P.", "Teléfono"],
        ["000123", "Ana", date(2026, 11, 30), 1234.5, "04000", 5512345678],
        [124, "Luis", 46356, "1.234,50", "04000", None],
        [125.0, "Eva", datetime.fromisoformat("2026-12-01 10:30"), 99.99999999999999, None, "55 1234 5678"],
        ["TOTAL", 3, None, 2569.0],
    ]
    found = read(tmp_path, workbook(("Portada", [["Banco X"], [None, 3]]), ("Datos", rows), hidden_row=5))
    assert figures(found) == [
        ("000123", "2026-11-30", "1234.50"),
        ("124", "2026-11-30", "1234.50"),
        ("125", "2026-12-01", "100.00"),
    ]
    assert found.accepted[0]["phone_1_e164"] == "+525512345678"
    assert "1 rows of the sheet are hidden. They are read like the others." in found.summary.warnings
    assert found.rejected == []
    assert all(map(SENTENCES.knows, found.summary.warnings))


@pytest.mark.parametrize("written", ['"1"', '"true"', "'1'"])
def test_a_workbook_that_counts_days_from_1904_is_read_like_any_other(tmp_path: Path, written: str) -> None:
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    rows: list[Sequence[object]] = [
        [*HEADER, "Fecha de otorgamiento"],
        [1, "Ana", date(2026, 11, 30), 44894, 44894],
        [2, "Eva", 44894, 44894, date(2024, 2, 29)],
        [3, "Luz", 44894.5, 1, datetime.fromisoformat("2024-02-29 10:30")],
        [4, "Sol", "2026-11-30", 1, None],
    ]
    for row in rows:
        book.worksheets[0].append(list(row))
    content = io.BytesIO()
    book.save(content)
    with zipfile.ZipFile(content) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    found = read(tmp_path, zipped(*((n, part.replace(b'1904="1"', f"1904={written}".encode())) for n, part in parts)))
    assert figures(found) == [
        ("1", "2026-11-30", "44894.00"),
        ("2", "2026-11-30", "44894.00"),
        ("3", "2026-11-30", "1.00"),
        ("4", "2026-11-30", "1.00"),
    ]
    granted = [row["origination_date"] for row in found.accepted]
    assert granted == ["2026-11-30", "2024-02-29", "2024-02-29", ""]


def test_the_sheet_that_a_profile_names_is_read(tmp_path: Path) -> None:
    content = workbook(
        ("Uno", [HEADER, ["1", "Ana", "2026-11-30", "1.00"]]), ("Dos", [HEADER, ["2", "Eva", "2026-11-30", "2.00"]])
    )
    assert figures(read(tmp_path, content, layout=Layout(sheet="Dos"))) == [("2", "2026-11-30", "2.00")]


def test_a_number_that_lost_digits_in_excel_is_rejected(tmp_path: Path) -> None:
    found = read(tmp_path, workbook(("Datos", [HEADER, [12345678901234567890, "Ana", "2026-11-30", 1]])))
    assert found.codes == {2: ["spreadsheet_number"]}


def test_typed_parquet(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "loan_id": [1, 2],
            "name": ["Ann", "Bob"],
            "due_date": [date(2026, 11, 30)] * 2,
            "balance": [Decimal("10.50"), Decimal("1234.00")],
            "tags": [["x"], ["y"]],
        }
    )
    content = io.BytesIO()
    table.write_parquet(content)
    assert figures(read(tmp_path, content.getvalue())) == [
        ("1", "2026-11-30", "10.50"),
        ("2", "2026-11-30", "1234.00"),
    ]


@pytest.mark.parametrize("pack", [gzip.compress, lambda content: zipped(("a/cartera.txt", content))])
def test_packed_files(tmp_path: Path, pack: object) -> None:
    found = read(tmp_path, pack((CANONICAL + ROW).encode()))  # type: ignore[operator]
    assert figures(found) == [("C-1", "2026-11-30", "10.50")]


def test_plans_become_instalments_to_the_cent_with_month_ends_kept(tmp_path: Path) -> None:
    text = "contract_number,debtor_name,amount_due,first_due_date,instalments,frequency\n"
    text += "1,Ana,100.00,2026-01-31,4,mensual\n2,Eva,10.00,15/01/2026,3,Quincenal\n3,Luz,1.00,2026-01-31,x,mensual\n"
    text += "4,Sol,1.00,2026-01-31,2,raro\n5,Mar,0.01,2026-01-31,2,mensual\n6,Paz,7.00,2026-01-31,,\n"
    found = read(tmp_path, text)
    assert figures(found) == [
        ("1", "2026-01-31", "25.00"),
        ("1", "2026-02-28", "25.00"),
        ("1", "2026-03-31", "25.00"),
        ("1", "2026-04-30", "25.00"),
        ("2", "2026-01-15", "3.33"),
        ("2", "2026-01-31", "3.33"),
        ("2", "2026-02-15", "3.34"),
        ("6", "2026-01-31", "7.00"),
    ]
    assert found.codes == {4: ["bad_instalment_count"], 5: ["bad_frequency"], 6: ["bad_amount"]}
    assert (found.summary.rows_read, found.summary.rows_accepted) == (6, 3)


def test_an_amount_of_each_instalment_is_not_divided(tmp_path: Path) -> None:
    text = "Contrato,Nombre,Importe de la mensualidad,Primer vencimiento,Número de pagos,Periodicidad\n"
    found = read(tmp_path, text + "1,Ana,50.00,2026-01-31,2,mensual\n", rows=1, amount=Decimal("100.00"))
    assert figures(found) == [("1", "2026-01-31", "50.00"), ("1", "2026-02-28", "50.00")]


def test_counts_of_instalments_that_only_inform_multiply_no_debt(tmp_path: Path) -> None:
    text = "Contrato,Nombre,Vencimiento,Importe,Número de pagos,Periodicidad\n1,Ana,2026-01-31,50.00,12,mensual\n"
    assert figures(read(tmp_path, text)) == [("1", "2026-01-31", "50.00")]


def test_wide_rows_have_many_phones_two_addresses_and_the_phones_of_others_apart(tmp_path: Path) -> None:
    text = (
        "contract_number,debtor_name,due_date,amount_due,Celular,Tel. casa,Tel. oficina,Tel. referencia,Correo,"
        "Correo 2,address_kind,street,address_kind_2,street_2,city_2\n"
        "1,Ana,2026-11-30,1.00,5512345678,5512345679,5512345680,5512345681,Ana@PEÑA.mx,b@b.mx,"
        "Particular,Calle 1,Comercial,Calle 2,Mérida\n"
    )
    read(tmp_path, text)
    contacts = [(row["value"], row["stated_in"]) for row in rows_of(tmp_path / "out" / "contacts.csv")]
    assert contacts == [
        ("+525512345678", "phone_1"),
        ("+525512345679", "phone_2"),
        ("ana@xn--pea-8ma.mx", "email"),
        ("b@b.mx", "email_2"),
    ]
    role_of = {row["party_id"]: row["role"] for row in rows_of(tmp_path / "out" / "parties.csv")}
    others = [(role_of[row["party_id"]], row["value"]) for row in rows_of(tmp_path / "out" / "party_contacts.csv")]
    assert others == [("reference", "+525512345681"), ("employer", "+525512345680")]
    addresses = [(row["kind"], row["street"], row["city"]) for row in rows_of(tmp_path / "out" / "addresses.csv")]
    assert sorted(addresses) == [("commercial", "Calle 2", "Mérida"), ("personal", "Calle 1", "")]


def test_a_profile_maps_columns_and_has_constants_defaults_formats_and_a_trailer(tmp_path: Path) -> None:
    layout = Layout.of(
        {
            "columns": [
                {"source": "k1", "field": "contract_number"},
                {"source": "k2", "field": "debtor_name"},
                {"source": "k3", "field": "due_date"},
                {"source": "k4", "field": "amount_due"},
                {"source": "k5", "field": "product"},
                {"source": "Saldo vencido", "field": None},
            ],
            "constants": {"debtor_kind": "company"},
            "defaults": {"product": "Tarjeta"},
            "decimal": ",",
            "dates": "mdy",
            "trailer": {"marker": "FIN", "rows_cell": 2, "amount_cell": 3},
        }
    )
    lines = "K1;k2;k3;k4;k5;Saldo vencido\n1;Ana;11/30/26;1.500;;9\n2;Eva;12/01/2026;2,00;Auto;9\n"
    found = read(tmp_path, f"{lines}FIN;2;1.502,00\n", layout=layout)
    assert figures(found) == [("1", "2026-11-30", "1500.00"), ("2", "2026-12-01", "2.00")]
    assert [(row["debtor_kind"], row["product"]) for row in found.accepted] == [
        ("company", "Tarjeta"),
        ("company", "Auto"),
    ]
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(FileProblem, match="may not be complete"):
        read(other, lines, layout=layout)


MACRO = zipped(("[Content_Types].xml", b"x"), ("xl/workbook.xml", b"x"), ("xl/vbaProject.bin", b"x"))
LINKED = zipped(("[Content_Types].xml", b"x"), ("xl/workbook.xml", b"x"), ("xl/externalLinks/externalLink1.xml", b"x"))
ENTITIES = zipped(("[Content_Types].xml", b"x"), ("xl/workbook.xml", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'))
PASSWORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(900)
GOOD_BOOK = workbook(("Datos", [HEADER, ["1", "Ana", "2026-11-30", "1.00"]]))


BAD: list[tuple[bytes | str, str]] = [
    (PASSWORD, "encrypted"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), "unsupported-type"),
    (MACRO, "macro"),
    (LINKED, "external_links"),
    (ENTITIES, "bomb"),
    (gzip.compress(CANONICAL.encode() + b"1" * 50_000_000), "bomb"),
    (zipped(("a.csv", CANONICAL.encode() + b"1" * 50_000_000)), "bomb"),
    (zipped(("a.csv", b"1"), ("b.csv", b"2")), "unsupported-type"),
    (zipped(("word/document.xml", b"x"), ("[Content_Types].xml", b"x")), "unsupported-type"),
    (GOOD_BOOK[: len(GOOD_BOOK) // 2], "unsupported-type"),
    (b"PK\x03\x04 and so on", "unsupported-type"),
    (gzip.compress(CANONICAL.encode() * 1000)[:60], "unsupported-type"),
    (gzip.compress(gzip.compress(CANONICAL.encode())), "unsupported-type"),
    (b"PAR1 and so on", "unsupported-type"),
    (b"\xff\xd8\xff\xe0 an image", "unsupported-type"),
    (workbook(("Datos", [["a", "b"], [1, 2]])), "no_header"),
    (workbook(("Datos", [])), "no_header"),
    (CANONICAL.replace("\n", "," + ",".join(f"x{n}" for n in range(600)) + "\n") + ROW, "too_wide"),
    (CANONICAL + "1,Ana,03/04/2026,1.00\n", "ambiguous_dates"),
    (CANONICAL, "empty"),
    (b"\0" * 5000, "empty"),
]


@pytest.mark.parametrize(("content", "code"), BAD, ids=[f"{place}-{code}" for place, (_, code) in enumerate(BAD)])
def test_a_bad_file_is_refused_with_a_sentence(tmp_path: Path, content: bytes | str, code: str) -> None:
    with pytest.raises(FileProblem) as problem:
        read(tmp_path, content, "US", "USD")
    assert problem.value.code == code
    assert problem.value.detail.endswith(".")
    assert SENTENCES.knows(problem.value.detail)


def test_a_cell_far_away_is_a_bomb(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(HEADER))
    sheet["XFD1048576"] = 1
    content = io.BytesIO()
    book.save(content)
    with pytest.raises(FileProblem) as problem:
        read(tmp_path, content.getvalue())
    assert problem.value.code == "bomb"


def test_declared_sizes_of_an_archive_are_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(FileProblem) as problem:
        read(tmp_path, zipped(("a.csv", CANONICAL.encode() + ROW.encode() * 100)))
    assert problem.value.code == "bomb"
