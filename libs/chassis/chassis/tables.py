"""Answers in rows: JSON, CSV, XLSX or Parquet, as the caller wants them.

``format=`` decides, else the Accept header, else JSON. The model of a row gives the columns and their types.
"""

import asyncio
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, get_args

from fastapi import Depends, Query, Request
from fastapi.responses import Response

from chassis.csv import safe_csv_rows
from chassis.languages import Locale, ReaderLocale
from chassis.models import OutputModel


class TableFormat(StrEnum):
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


MEDIA_TYPES = {
    TableFormat.JSON: "application/json",
    TableFormat.CSV: "text/csv",
    TableFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    TableFormat.PARQUET: "application/vnd.apache.parquet",
}
TABLE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {media_type: {} for form, media_type in MEDIA_TYPES.items() if form is not TableFormat.JSON}}
}
"""For ``responses=`` of a route that answers with a ``WantedTable``."""


@dataclass(frozen=True)
class Table:
    """The wanted form of an answer in rows."""

    form: TableFormat
    locale: Locale | None

    async def answer(self, model: type[OutputModel], found: Any, name: str) -> Any:
        """Return the page, or a file ``name`` with its rows. The cursor of the next page is in ``Recobro-Cursor``."""
        if self.form is TableFormat.JSON:
            return found
        rows = [model.model_validate(item) for item in found["items"]]
        body = await asyncio.to_thread(_WRITERS[self.form], model, rows, self.locale)
        headers = {
            "Content-Disposition": f'attachment; filename="{name}.{self.form}"',
            "Vary": "Accept, Accept-Language",
        }
        if (cursor := found["next_cursor"]) is not None:
            headers["Recobro-Cursor"] = cursor
        return Response(body, media_type=MEDIA_TYPES[self.form], headers=headers)


async def _wanted(
    request: Request,
    locale: ReaderLocale,
    form: Annotated[
        TableFormat | None, Query(alias="format", description="Default: what the Accept header prefers, else json")
    ] = None,
) -> Table:
    return Table(form or _preferred(request.headers.get("accept", "")), locale)


WantedTable = Annotated[Table, Depends(_wanted)]
"""The form in which a route answers with rows."""


def _preferred(accept: str) -> TableFormat:
    forms = {media: form for form, media in MEDIA_TYPES.items()}
    wanted = []
    for part in accept.lower().split(","):
        media, _, parameters = part.strip().partition(";")
        if media.strip() in forms:
            wanted.append((_weight(parameters), forms[media.strip()]))
    # max keeps the first of equal weights.
    weight, form = max(wanted, key=lambda one: one[0], default=(0.0, TableFormat.JSON))
    return form if weight > 0 else TableFormat.JSON


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _csv(model: type[OutputModel], rows: Sequence[OutputModel], locale: Locale | None) -> bytes:
    amounts = {name for name in model.model_fields if _type_of(model, name) in (Decimal, float)}

    def cells(row: OutputModel) -> list[Any]:
        values: Mapping[str, Any] = row.model_dump(mode="json")
        return [
            locale.amount(str(value)) if locale and value is not None and name in amounts else value
            for name, value in values.items()
        ]

    return b"".join(safe_csv_rows([list(model.model_fields), *map(cells, rows)], locale=locale))


def _xlsx(model: type[OutputModel], rows: Sequence[OutputModel], _: Locale | None) -> bytes:
    # It takes 60 ms and 15 MB, which few processes need.
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    sheet = book.create_sheet()

    def cell(value: Any) -> Any:
        if value is None or (isinstance(value, int | float | Decimal | date) and not isinstance(value, datetime)):
            return value
        written = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", str(value)))
        # A text that begins like a formula is a text.
        written.data_type = "s"
        return written

    sheet.append([cell(name) for name in model.model_fields])
    for row in rows:
        sheet.append([cell(getattr(row, name)) for name in model.model_fields])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _parquet(model: type[OutputModel], rows: Sequence[OutputModel], _: Locale | None) -> bytes:
    import polars as pl  # it takes 100 ms and 60 MB, which few processes need

    types: dict[Any, Any] = {
        int: pl.Int64(),
        float: pl.Float64(),
        bool: pl.Boolean(),
        date: pl.Date(),
        datetime: pl.Datetime("us", "UTC"),
        Decimal: pl.Decimal(28, 2),
    }
    schema = {name: types.get(_type_of(model, name), pl.String()) for name in model.model_fields}
    columns = {
        name: [
            value if value is None or schema[name] != pl.String() else str(value)
            for value in (getattr(row, name) for row in rows)
        ]
        for name in schema
    }
    file = io.BytesIO()
    pl.DataFrame(columns, schema=schema, strict=False).write_parquet(file)
    return file.getvalue()


_WRITERS = {TableFormat.CSV: _csv, TableFormat.XLSX: _xlsx, TableFormat.PARQUET: _parquet}


def _type_of(model: type[OutputModel], name: str) -> Any:
    """Return the type of a column: that of the field, without null and without pydantic's annotations."""
    kind = model.model_fields[name].annotation
    alternatives = [one for one in get_args(kind) if one is not type(None)]
    while alternatives and kind not in (int, float, bool, date, datetime, Decimal):
        kind, alternatives = alternatives[0], list(get_args(alternatives[0]))
    return kind
