"""Layouts of lenders whom nobody here knows: what is read right, and what is told where it is not."""

import io
import json
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from chassis.languages import Language
from portfolio.files.file_sentences import SENTENCES
from portfolio.files.reader.checks import Reading
from portfolio.files.reader.contracts import Contracts
from portfolio.files.reader.preview import preview
from portfolio.files.reader.rows import read_portfolio_file
from portfolio.tabular.layouts import Layout
from portfolio.tabular.records import FileProblem
from portfolio_files import Read, rows_of

HEADER = "Contrato,Nombre,Vencimiento,Saldo"
ANA = "1,Ana,30/11/2026,10.50"
_FIELDS = ("contract_number", "debtor_name", "due_date", "amount_due")


def read(
    tmp_path: Path, content: bytes | str, country: str = "MX", currency: str = "MXN", layout: Layout | None = None
) -> Read:
    path, out = tmp_path / "file", tmp_path / "out"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    out.mkdir()
    contracts = Contracts(out, country, UUID(int=1), UUID(int=2))
    summary = read_portfolio_file(path, out, Reading(country, currency, layout or Layout()), contracts)
    return Read(summary, rows_of(out / "accepted.csv"), rows_of(out / "rejected.csv"))


def figures(found: Read) -> list[tuple[str, str, str]]:
    return [(row["contract_number"], row["due_on"], row["amount"]) for row in found.accepted]


def said(found: Read) -> list[str]:
    """The reasons of the rejected rows in Spanish. Each is known in every language."""
    reasons = [error["reason"] for row in found.rejected for error in json.loads(row["errors"])]
    assert all(map(SENTENCES.knows, [*reasons, *found.summary.warnings]))
    return [SENTENCES.said(reason, Language.ES) for reason in reasons]


def workbook(*rows: Sequence[Any], merged: Sequence[str] = ()) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(list(row))
    for cells in merged:
        book.worksheets[0].merge_cells(cells)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_groups_of_columns_stand_in_merged_cells_above_the_header(tmp_path: Path) -> None:
    content = workbook(
        ["Cliente", None, "Crédito", None, None, "Aval", None],
        ["Nombre", "RFC", "Número", "Vencimiento", "Saldo", "Nombre", "Celular"],
        ["Ana", "", "C-1", date(2026, 11, 30), 10.5, "Rosa", "5512345678"],
        merged=("A1:B1", "C1:E1", "F1:G1"),
    )
    found = read(tmp_path, content)
    assert figures(found) == [("C-1", "2026-11-30", "10.50")]
    assert found.accepted[0]["debtor_name"] == "Ana"
    assert [row["name"] for row in rows_of(tmp_path / "out" / "parties.csv")] == ["Rosa"]


def test_a_header_of_two_lines_can_become_a_profile(tmp_path: Path) -> None:
    text = "No. de,Nombre,Fecha de,Saldo,Tel.\ncuenta,cliente,pago límite,exigible,casa\n"
    text += "1,Ana,30/11/2026,10.50,5512345678\n"
    assert figures(read(tmp_path, text)) == [("1", "2026-11-30", "10.50")]
    shown = preview(tmp_path / "file", tmp_path / "out", Reading("MX", "MXN"))
    layout = Layout.of(shown["profile"])
    assert {column.field for column in layout.columns} == {
        *("contract_number", "debtor_name", "due_date", "amount_due", "phone_1")
    }
    out = tmp_path / "again"
    out.mkdir()
    contracts = Contracts(out, "MX", UUID(int=1), UUID(int=2))
    assert read_portfolio_file(tmp_path / "file", out, Reading("MX", "MXN", layout), contracts).rows_accepted == 1


def test_a_title_above_a_whole_header_is_no_part_of_it(tmp_path: Path) -> None:
    assert figures(read(tmp_path, f"Crédito,Número\n{HEADER}\n{ANA}\n")) == [("1", "2026-11-30", "10.50")]


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{ANA},\n",
        f"{HEADER},,\n{ANA}\n",
        f"{HEADER},,\n{ANA},,\n",
        f"{HEADER}\n{ANA}\n,,,\n , ,,\n",
    ],
    ids=["each row ends with a comma", "the header does", "all do", "empty rows"],
)
def test_empty_cells_at_the_end_of_rows_are_none(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    assert (figures(found), found.rejected) == ([("1", "2026-11-30", "10.50")], [])


def test_a_row_that_lacks_named_cells_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path, f"{HEADER},RFC,\n{ANA}\n").codes == {2: ["ragged"]}


@pytest.mark.parametrize(
    "below",
    [
        ",,,30.50,,",
        ",,,30.50,,12",
        "Total,,,30.50,,12",
        "Total,,,30.50\n\nElaboró: Juan Pérez",
        "Fuente: sistema central",
    ],
)
def test_sums_and_notes_below_the_table_are_no_rows(tmp_path: Path, below: str) -> None:
    rows = f"{HEADER},Sucursal,Días\n{ANA},Norte,5\n2,Eva,30/11/2026,20.00,Sur,7\n"
    found = read(tmp_path, rows + below + "\n")
    assert (found.summary.rows_read, said(found)) == (2, [])
    assert found.summary.warnings


def test_a_bare_sum_that_differs_refuses_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"amount 31\.00") as problem:
        read(tmp_path, f"{HEADER}\n{ANA}\n,,,31.00\n")
    assert problem.value.code == "control_totals_differ"


def test_a_name_alone_in_the_last_row_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, "Nombre,Contrato,Vencimiento,Saldo\nAna,1,30/11/2026,10.50\nEva Ríos,,,\n")
    assert found.codes == {3: ["no_contract", "bad_date", "bad_amount"]}


def test_area_codes_in_columns_of_their_own_complete_short_phones(tmp_path: Path) -> None:
    text = "Contrato;Nome;Vencimento;Valor;Celular;DDD;Telefone\n"
    text += "1;Ana;30/11/2026;10,50;11987654321;21;3333-4444\n2;Eva;30/11/2026;10,50;;21;+55 21 3333-4445\n"
    found = read(tmp_path, text, "BR", "BRL")
    phones = [(row["phone_1_e164"], row["phone_2_e164"]) for row in found.accepted]
    assert phones == [("+5511987654321", "+552133334444"), ("", "+552133334445")]


def test_several_people_of_one_role_stand_in_one_row(tmp_path: Path) -> None:
    text = f"{HEADER},Nombre referencia 1,Tel. referencia 1,Ref. 2 nombre,Ref. 2 tel.,Nombre aval,Nombre aval 2\n"
    found = read(tmp_path, f"{text}{ANA},Rosa,5512345671,Luis,5512345672,Sol,Mar\n2,Eva,30/11/2026,1.00,,,,,,\n")
    assert found.rejected == []
    people = {row["party_id"]: (row["role"], row["name"]) for row in rows_of(tmp_path / "out" / "parties.csv")}
    assert sorted(people.values()) == [
        *(("guarantor", "Mar"), ("guarantor", "Sol"), ("reference", "Luis"), ("reference", "Rosa"))
    ]
    numbers = {people[row["party_id"]][1]: row["value"] for row in rows_of(tmp_path / "out" / "party_contacts.csv")}
    assert numbers == {"Rosa": "+525512345671", "Luis": "+525512345672"}


def test_a_row_in_another_currency_is_refused(tmp_path: Path) -> None:
    rows = "".join(
        f"{n},Ana,30/11/2026,1.00,{name}\n" for n, name in enumerate(["MXN", "USD", "Pesos", "M.N.", "", "$"], 1)
    )
    found = read(tmp_path, f"{HEADER},Moneda\n{rows}")
    assert found.codes == {3: ["other_currency"]}
    assert said(found) == ["es una moneda distinta de la de la cartera"]


def test_the_status_of_an_account_is_no_address(tmp_path: Path) -> None:
    found = read(tmp_path, f"{HEADER},Estado,Ext.\n{ANA},Vigente,102\n2,Eva,30/11/2026,1.00,Jalisco,\n")
    assert [row["state"] for row in rows_of(tmp_path / "out" / "addresses.csv")] == ["Jalisco"]
    assert found.rejected == []


@pytest.mark.parametrize(
    ("text", "day"),
    [
        *(("20261130", "2026-11-30"), ("Nov 30, 2026", "2026-11-30"), ("November 30 2026", "2026-11-30")),
        *(("1º de maio de 2026", "2026-05-01"), ("15-sept-26", "2026-09-15"), ("05-DEZ-26", "2026-12-05")),
    ],
)
def test_days_that_can_be_no_other_are_read(tmp_path: Path, text: str, day: str) -> None:
    assert figures(read(tmp_path, f'{HEADER}\n1,Ana,"{text}",1.00\n')) == [("1", day, "1.00")]


def test_a_day_that_is_none_is_told_for_what_it_is(tmp_path: Path) -> None:
    rows = "".join(f"{n},Ana,{day},1.00\n" for n, day in enumerate(["30/02/2026", "2026-04-31", "46356", "pronto"], 1))
    assert said(read(tmp_path, f"{HEADER}\n{rows}")) == [
        "es un día que no existe en el calendario",
        "es un día que no existe en el calendario",
        "es el número con que una hoja de cálculo cuenta un día; dé formato de fecha a la columna y guarde el"
        " archivo de nuevo",
        "no es una fecha como 30/11/2026 o 2026-11-30",
    ]


def test_accountants_write_zero_as_a_dash(tmp_path: Path) -> None:
    found = read(tmp_path, f"{HEADER},Capital,IVA\n{ANA},10.50,-\n2,Eva,30/11/2026,$ -,,\n")
    assert (figures(found), found.codes) == ([("1", "2026-11-30", "10.50")], {3: ["zero_amount"]})


@pytest.mark.parametrize("number", ["3/12", "3 de 12", "3.0", "03 / 12"])
def test_the_number_of_an_instalment_may_name_how_many_there_are(tmp_path: Path, number: str) -> None:
    found = read(tmp_path, f"{HEADER},Cuota\n{ANA},{number}\n")
    assert [row["instalment_number"] for row in found.accepted] == ["3"]


def test_the_amount_of_a_payment_of_a_plan_is_not_divided(tmp_path: Path) -> None:
    text = "Crédito,Cliente,Monto del pago,Fecha primer pago,No. de pagos,Frecuencia\n1,Ana,50.00,31/01/2026,2,Meses\n"
    assert figures(read(tmp_path, text)) == [("1", "2026-01-31", "50.00"), ("1", "2026-02-28", "50.00")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("<html><table>", "El archivo es una página web, aunque su nombre diga otra cosa."),
        ('[{"contrato": 1}]', "El archivo es un documento JSON."),
        (b"%PDF-1.7", "El archivo es un documento PDF."),
        (f"{HEADER}\n1,A,30/11/2026,1.00\n2,B,11/30/2026,1.00\n", "la fila 2 (30/11/2026) comienza con el día"),
        (f"{HEADER},Saldo\n{ANA},1\n", "más de una vez: 'Importe vencido' (amount_due): 'Saldo', 'Saldo'."),
    ],
)
def test_why_a_file_is_refused_is_said_in_the_readers_language(tmp_path: Path, content: bytes | str, told: str) -> None:
    with pytest.raises(FileProblem) as problem:
        read(tmp_path, content)
    assert told in SENTENCES.said(problem.value.detail, Language.ES)


@pytest.mark.parametrize("header", ["Due Dt", "Payment Due", "Maturity Date", "Next Payment Due", "Past Due Since"])
def test_an_english_header_of_dates_proves_no_order(tmp_path: Path, header: str) -> None:
    """In a file of a US lender 03/04/2026 may be March, however the lender calls the column."""
    head = f"Account,Name,{header},Balance"
    layout = Layout.of({"columns": [{"source": s, "field": f} for s, f in zip(head.split(","), _FIELDS, strict=True)]})
    with pytest.raises(FileProblem) as refused:
        read(tmp_path, f"{head}\n1,Ann,03/04/2026,10.50\n", "US", "USD", layout)
    assert refused.value.code == "ambiguous_dates"
    shutil.rmtree(tmp_path / "out")
    found = read(tmp_path, f"{head}\n1,Ann,03/04/2026,10.50\n2,Bob,11/15/2026,20.50\n", "US", "USD", layout)
    assert [day for _, day, _ in figures(found)] == ["2026-03-04", "2026-11-15"]


@pytest.mark.parametrize("header", ["Fec. Venc.", "Dt. Vencto", "Data de vencimento", "Vto.", "FechaLimitePago"])
def test_a_spanish_or_portuguese_header_of_dates_puts_the_day_first(tmp_path: Path, header: str) -> None:
    found = read(tmp_path, f"Contrato,Nombre,{header},Saldo\n1,Ana,03/04/2026,10.50\n", "US", "USD")
    assert figures(found) == [("1", "2026-04-03", "10.50")]
