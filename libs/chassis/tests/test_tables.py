"""Answers in rows: the form that the caller wants, and the same values in each form."""

import io
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import openpyxl
import polars as pl
import pytest
from chassis.models import OutputModel
from chassis.paging import Page
from chassis.tables import TABLE_RESPONSES, WantedTable
from fastapi import FastAPI
from recobro_events import MoneyTotal

AGENCY = UUID(int=7)


class Row(OutputModel):
    agency_id: UUID | None
    name: str
    day: date
    calls: int
    rate: float | None
    amount: MoneyTotal | None


ROWS = [
    Row(agency_id=AGENCY, name="=SUM(A1)", day=date(2026, 11, 23), calls=3, rate=0.5, amount=Decimal("12345.60")),
    Row(agency_id=None, name="Ñuño", day=date(2026, 11, 24), calls=0, rate=None, amount=None),
]


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = FastAPI()

    @app.get("/rows", response_model=Page[Row], responses=TABLE_RESPONSES)
    async def rows(table: WantedTable, *, empty: bool = False) -> Any:
        return await table.answer(Row, Page(items=[] if empty else ROWS, next_cursor="more"), "rows")

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def test_json_is_the_default(client: httpx.AsyncClient) -> None:
    for accept in ("*/*", "image/png", "text/csv;q=0", "text/csv;q=0.5, application/json", "text/csv;q=x"):
        answer = await client.get("/rows", headers={"Accept": accept})
        assert answer.json()["items"][0]["amount"] == "12345.60", accept
        assert answer.json()["next_cursor"] == "more"


async def test_csv_is_for_people_of_a_locale_and_runs_no_formula(client: httpx.AsyncClient) -> None:
    plain = await client.get("/rows", params={"format": "csv"})
    assert plain.headers["content-disposition"] == 'attachment; filename="rows.csv"'
    assert plain.headers["recobro-cursor"] == "more"
    lines = plain.content.decode("utf-8-sig").splitlines()
    assert lines[0] == "agency_id,name,day,calls,rate,amount"
    assert lines[1] == f"{AGENCY},'=SUM(A1),2026-11-23,3,0.5,12345.60"
    assert lines[2] == ",Ñuño,2026-11-24,0,,"
    brazil = await client.get("/rows", headers={"Accept": "text/csv", "Accept-Language": "pt-BR"})
    assert brazil.content.decode("utf-8-sig").splitlines()[1].endswith(";3;0,5;12345,60")


async def test_parquet_has_the_types_of_the_columns(client: httpx.AsyncClient) -> None:
    answer = await client.get("/rows", headers={"Accept": "application/vnd.apache.parquet"})
    frame = pl.read_parquet(io.BytesIO(answer.content))
    assert frame.schema == {
        "agency_id": pl.String(),
        "name": pl.String(),
        "day": pl.Date(),
        "calls": pl.Int64(),
        "rate": pl.Float64(),
        "amount": pl.Decimal(28, 2),
    }
    assert frame.row(0) == (str(AGENCY), "=SUM(A1)", date(2026, 11, 23), 3, 0.5, Decimal("12345.60"))
    assert frame.row(1) == (None, "Ñuño", date(2026, 11, 24), 0, None, None)
    empty = await client.get("/rows", params={"format": "parquet", "empty": True})
    assert pl.read_parquet(io.BytesIO(empty.content)).schema == frame.schema


async def test_an_unknown_format_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/rows", params={"format": "xml"})).status_code == 422


async def test_xlsx_has_numbers_as_numbers_and_no_formula(client: httpx.AsyncClient) -> None:
    answer = await client.get("/rows", params={"format": "xlsx"})
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
    cells: list[list[Any]] = [[cell.value for cell in row] for row in sheet.iter_rows()]
    header, first, second = cells
    assert header == list(Row.model_fields)
    assert (first[:2], first[2].date(), first[3:]) == ([str(AGENCY), "=SUM(A1)"], date(2026, 11, 23), [3, 0.5, 12345.6])
    assert sheet["B2"].data_type == "s"
    assert second[4:] == [None, None]
    assert answer.headers["recobro-cursor"] == "more"
