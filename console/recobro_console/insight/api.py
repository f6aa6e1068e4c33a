"""Insight: figures over months, each with its chart, its table, its formula, and the rows that it counts."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from recobro_console import names
from recobro_console.calls import Trouble
from recobro_console.insight.figures import BEHIND, FIGURES, Column, Figure
from recobro_console.pages import CurrentPage, Page, Router

_ROWS = 100
INSIDE = "00000000-0000-0000-0000-000000000000"
"""Stands in for the agency of calls from inside."""
_FORMATS = ("csv", "xlsx", "parquet")
router = Router()


@router.get("/insight")
async def insight() -> Response:
    """Go to the first figure."""
    return RedirectResponse(f"/insight/{next(iter(FIGURES))}", 303)


@router.get("/insight/behind")
async def behind(page: CurrentPage, service: str, items: str, of: str = "", cursor: str | None = None) -> Response:
    """The contracts, payments, promises, calls or visits that a number counts."""
    parts = urlsplit(items)
    columns = BEHIND.get((service, parts.path))
    if columns is None or parts.netloc:
        raise HTTPException(404)
    wanted = dict(parse_qsl(parts.query)) | {"cursor": cursor, "limit": _ROWS}
    found = await page.attempt(page.services.get(service, parts.path, **wanted))
    rows = [] if isinstance(found, Trouble) else found["items"]
    known = await names.contracts(page, (row for row in rows if not row.get("contract_number")))
    for row in rows:
        if row.get("contract_number") is None:
            row["contract_number"] = known.get(row["contract_id"], {}).get("contract_number")
    return page.show(
        "insight/behind.html",
        found=found,
        columns=columns,
        inside=INSIDE,
        shown=lambda column, row: shown(page, column, row, {}, {}),
        back=f"/insight/{of}" if of in FIGURES else "/insight",
        title=FIGURES[of].title if of in FIGURES else "Insight",
        first=cursor is None,
    )


@router.get("/insight/{name}")
async def figure(
    page: CurrentPage,
    name: str,
    by: str = "",
    first: str = "",
    last: str = "",
    portfolio_id: str | None = None,
    agency_id: str = "",
) -> Response:
    """A figure: its chart, drawn from its table, and what it means."""
    wanted = _known(name)
    portfolios, agencies = await asyncio.gather(names.portfolios(page), names.agencies(page))
    if portfolio_id is None:
        portfolio_id = next(iter(portfolios), "")
    chosen = {"by": by, "first": first, "last": last, "portfolio_id": portfolio_id, "agency_id": agency_id}
    found = await page.attempt(page.services.get(wanted.service, wanted.path, **_parameters(wanted, chosen)))
    rows = [] if isinstance(found, Trouble) else [row for row in found["items"] if _says_something(row)]
    return page.show(
        "insight/figure.html",
        name=name,
        figure=wanted,
        figures=FIGURES,
        found=found,
        rows=rows,
        columns=_columns(wanted, rows, by),
        chosen=chosen,
        portfolios=portfolios,
        agencies=agencies,
        shown=lambda column, row: shown(page, column, row, portfolios, agencies),
        label=lambda row: _label(page, wanted, row, portfolios, agencies),
    )


@router.get("/insight/{name}/file")
async def file(
    page: CurrentPage,
    name: str,
    format: str = "csv",
    by: str = "",
    first: str = "",
    last: str = "",
    portfolio_id: str = "",
    agency_id: str = "",
) -> Response:
    """The figure's table as a CSV, XLSX or Parquet file."""
    wanted = _known(name)
    if format not in _FORMATS:
        raise HTTPException(404)
    chosen = {"by": by, "first": first, "last": last, "portfolio_id": portfolio_id, "agency_id": agency_id}
    return await page.pass_on(wanted.service, wanted.path, **_parameters(wanted, chosen), format=format)


def _says_something(row: Mapping[str, Any]) -> bool:
    """Whether a step of the waterfall moved anything. Its file has the other steps too."""
    if row.get("step") in (None, "opening", "closing"):
        return True
    return any(Decimal(row[field] or 0) for field in ("contracts", "overdue", "total"))


def _known(name: str) -> Figure:
    if name not in FIGURES:
        raise HTTPException(404)
    return FIGURES[name]


def _parameters(figure: Figure, chosen: Mapping[str, str]) -> dict[str, str]:
    """What the service is asked for: what was chosen and what this figure takes."""
    parameters = {"from": chosen["first"], "to": chosen["last"]}
    if figure.by:
        parameters["by"] = chosen["by"] or figure.by[0]
    if figure.of_portfolio:
        parameters["portfolio_id"] = chosen["portfolio_id"]
    if figure.of_agency:
        parameters["agency_id"] = chosen["agency_id"]
    return parameters


def _columns(figure: Figure, rows: list[dict[str, Any]], by: str) -> list[Column]:
    """The columns that say something of these rows: those by which nothing is compared are empty and left out."""
    compared = by or (figure.by[0] if figure.by else "")
    key = "agency_id" if compared == "agency" else compared
    return [
        column
        for column in figure.columns
        if column.is_number or column.field == key or any(row.get(column.field) is not None for row in rows)
    ]


def shown(
    page: Page, column: Column, row: Mapping[str, Any], portfolios: Mapping[str, str], agencies: Mapping[str, str]
) -> str:
    """A cell as its reader writes it."""
    value, reader = row.get(column.field), page.reader
    if column.kind == "agency":
        return agencies[value] if value else page.tr("from inside")
    if value is None:
        return "–"
    match column.kind:
        case "money":
            return reader.money(value, row.get("currency"))
        case "percent":
            return reader.percent(value)
        case "number":
            return reader.number(value)
        case "day":
            return reader.day(value)
        case "moment":
            return reader.moment(value)
        case "word":
            return reader.word(f"step {value}" if column.field == "step" else value)
        case "stage":
            return reader.word(value)
        case "portfolio":
            return portfolios[value]
    if column.field == "key" and row.get("from_days") is not None:
        until = row.get("to_days")
        return f"{row['from_days']}–{until}" if until is not None else f"{row['from_days']}+"
    return str(value)


def _label(
    page: Page, figure: Figure, row: Mapping[str, Any], portfolios: Mapping[str, str], agencies: Mapping[str, str]
) -> str:
    columns = {column.field: column for column in figure.columns}
    # Only a row of an agency alone is named "from inside" when it has none.
    named = [field for field in figure.label if row.get(field) is not None] or figure.label[:1]
    return " · ".join(shown(page, columns[field], row, portfolios, agencies) for field in named)
