"""Reads the dates of a column. Where day and month could be exchanged, the column proves their order."""

import re
import unicodedata
from datetime import date, timedelta

import polars as pl

from portfolio.tabular.profiles import plain
from portfolio.tabular.records import FileHead, FileProblem
from portfolio.tabular.typed import NUMBER_SIGN

_DAYS_FIRST = frozenset({"MX", "BR", "GB"})
_SPANISH_OR_PORTUGUESE = re.compile(r"^(?:fec|fch|f$|data|dt|dia)|venc|vcto|vto|limite|pag(?:o|am|to)")
_ENGLISH = re.compile(r"date|due|maturity")
"""The words of headers of dates, in plain letters. ``dt`` is written in English too."""
_TIME = r"(?i)[T ](?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?(?: ?[ap]\.? ?m\.?)?$"
_YEAR_FIRST = r"^([0-9]{4})(?:-([0-9]{1,2})-|/([0-9]{1,2})/|\.([0-9]{1,2})\.)([0-9]{1,2})$"
_YEAR_LAST = r"^([0-9]{1,2})(?:/([0-9]{1,2})/|-([0-9]{1,2})-|\.([0-9]{1,2})\.)([0-9]{4})$"
_SHORT_YEAR = r"^([0-9]{1,2}[/.-][0-9]{1,2}[/.-])([0-9]{2})$"
_COMPACT = rf"^{NUMBER_SIGN}?(20[0-9]{{2}})(0[1-9]|1[0-2])([0-3][0-9])$"
"""A day in eight digits. With the day first, the digits of the month would be 20."""
_NAMED_MONTH = re.compile(
    r"([0-9]{1,2})(?:[-/. ]|o |º |de )+([^\W\d_]{3,10})\.?(?:[-/. ]| de | del )+([0-9]{4}|[0-9]{2})"
)
_MONTH_FIRST = re.compile(r"([^\W\d_]{3,10})\.? ([0-9]{1,2}),? ([0-9]{4})")
"""November 30, 2026: a month by its name cannot be taken for a day."""
_SERIAL = re.compile(rf"{NUMBER_SIGN}([0-9]{{5}})(?:\.[0-9]+)?")
_SERIAL_ZERO = date(1899, 12, 30)
"""Excel counts days from here, since it takes 1900 for a leap year."""
_MONTHS = (
    "enero janeiro january",
    "febrero fevereiro february",
    "marzo marco march",
    "abril april",
    "mayo maio may",
    "junio junho june",
    "julio julho july",
    "agosto august",
    "septiembre setembro september setiembre",
    "octubre outubro october",
    "noviembre novembro november",
    "diciembre dezembro december",
)
_MONTH_OF = {
    written: month
    for month, names in enumerate(_MONTHS, 1)
    for name in names.split()
    for written in (name, name[:3], name[:4])
}


def is_day_first(head: FileHead, jurisdiction: str) -> bool:
    """Whether dates such as 03/04/2026 start with the day without any proof: their header is Spanish or Portuguese, or
    the portfolio's country writes them so."""
    if jurisdiction in _DAYS_FIRST:
        return True
    header = plain(head.header_of("due_date"))
    return bool(_SPANISH_OR_PORTUGUESE.search(header)) and not _ENGLISH.search(header)


def form_of(
    cells: pl.DataFrame, head: FileHead, *, days_first: bool, order: str | None = None, column: str = "due_date"
) -> str:
    """The format of the dates of ``column`` whose year is last, as polars writes it.

    With ``days_first`` a date such as 03/04/2026 is of April, and no date may contradict it. Else a part above 12 has
    to prove the order for the whole column. ``order`` is that of a profile, dmy, mdy or ymd. Raises ``FileProblem``
    (ambiguous_dates).
    """
    if order is not None:
        return "%m/%d/%Y" if order == "mdy" else "%d/%m/%Y"
    return _order(_parts(cells, column, order), cells, head, column, days_first=days_first)


def days(cells: pl.DataFrame, form: str, *, order: str | None = None, column: str = "due_date") -> pl.Series:
    """Parse ``column``. The result is null for a text that is no date. A time without a zone is left out.

    ``form`` is that of ``form_of``. With the ``order`` of a profile, years may have two digits.
    """
    answers = _parts(cells, column, order).select(
        column,
        due_on=pl.coalesce(
            pl.col("year_first").str.to_date("%Y-%m-%d", strict=False),
            pl.col("year_last").str.to_date(form, strict=False),
        ),
    )
    if named := _spelled_out(answers.filter(pl.col("due_on").is_null())[column]):
        others = pl.DataFrame(list(named.items()), schema={column: pl.String, "named": pl.Date}, orient="row")
        answers = answers.join(others, on=column, how="left").select(
            column, pl.coalesce("due_on", "named").alias("due_on")
        )
    return cells.select(column).join(answers, on=column, how="left", maintain_order="left")["due_on"]


def _parts(cells: pl.DataFrame, column: str, order: str | None) -> pl.DataFrame:
    """The distinct texts of the column, and those with the year first or last in one way of writing."""
    written = cells[column].drop_nulls().unique(maintain_order=True).to_frame()
    day = pl.col(column).str.replace(_TIME, "").str.replace(_COMPACT, "$1-$2-$3")
    if order is not None:
        day = day.str.replace(_SHORT_YEAR, "${1}20$2")
    last = pl.when(day.str.contains(_YEAR_LAST)).then(day.str.replace(_YEAR_LAST, "$1/$2$3$4/$5"))
    return written.with_columns(
        year_first=day.str.replace(_YEAR_FIRST, "$1-$2$3$4-$5"),
        year_last=last,
        first=last.str.extract("^([0-9]+)/", 1).cast(pl.Int32),
        second=last.str.extract("/([0-9]+)/", 1).cast(pl.Int32),
    )


def _spelled_out(texts: pl.Series) -> dict[str, date]:
    """The dates with the name of a month, and the days that a workbook holds as numbers."""
    found = ((text, _named_or_serial(text)) for text in texts)
    return {text: day for text, day in found if day is not None}


def _named_or_serial(text: str) -> date | None:
    if serial := _SERIAL.fullmatch(text):
        return _SERIAL_ZERO + timedelta(days=int(serial[1]))
    bare = unicodedata.normalize("NFKD", re.sub(_TIME, "", text).casefold())
    written = "".join(sign for sign in bare if not unicodedata.combining(sign))
    if match := _NAMED_MONTH.fullmatch(written):
        day, name, year = match.groups()
    elif match := _MONTH_FIRST.fullmatch(written):
        name, day, year = match.groups()
    else:
        return None
    if name not in _MONTH_OF:
        return None
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), _MONTH_OF[name], int(day))
    except ValueError:
        return None


def _order(parts: pl.DataFrame, cells: pl.DataFrame, head: FileHead, column: str, *, days_first: bool) -> str:
    """The format of the dates whose year is last."""
    first, second = pl.col("first"), pl.col("second")
    day_first = _row(parts.filter(first.is_between(13, 31) & second.is_between(1, 12)), cells, column)
    month_first = _row(parts.filter(first.is_between(1, 12) & second.is_between(13, 31)), cells, column)
    either = first.is_between(1, 12) & second.is_between(1, 12) & (first != second)
    undecided = _row(parts.filter(either), cells, column)
    if day_first and month_first:
        problem = f"{day_first} starts with the day, {month_first} with the month."
    elif days_first and month_first:
        problem = f"dates are read with the day first, but {month_first} starts with the month."
    elif undecided and not (days_first or day_first or month_first):
        problem = f"nothing shows whether {undecided} starts with the day or with the month."
    else:
        return "%m/%d/%Y" if month_first else "%d/%m/%Y"
    raise FileProblem("ambiguous_dates", f"Column {head.header_of(column)!r}: {problem} Write all dates as 2026-11-30.")


def _row(found: pl.DataFrame, cells: pl.DataFrame, column: str) -> str | None:
    """The first of the dates, with its row, in words."""
    if found.is_empty():
        return None
    written = found[column][0]
    return f"row {cells.filter(pl.col(column) == written)['row_number'][0]} ({written[:40]})"
