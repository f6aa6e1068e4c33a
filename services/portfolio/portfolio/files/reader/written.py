"""How the amounts and the dates of a file are written. Its whole columns show it; a single row is never guessed."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple

import polars as pl

from portfolio.files.reader.amounts import decimal_in
from portfolio.files.reader.days import form_of
from portfolio.tabular.profiles import COMPONENTS
from portfolio.tabular.records import FileHead

DAYS = {
    "calculated_on": (date(2000, 1, 1), date(2100, 12, 31)),
    "origination_date": (date(1950, 1, 1), date(2100, 12, 31)),
}
"""The further dates of a row, with the first and the last day that each may have."""


class Written(NamedTuple):
    """The decimal sign of each column of amounts that has any, and the format of each column of dates.

    ``shown`` is the decimal sign that the column of the amounts itself shows.
    """

    decimals: Mapping[str, str]
    forms: Mapping[str, str]
    shown: str | None


def written_in(
    cells_of: Callable[[str], pl.DataFrame],
    head: FileHead,
    jurisdiction: str,
    currency: str | None,
    *,
    decimal: str | None,
    days_first: bool,
    order: str | None,
) -> Written:
    """``cells_of`` gives a column's cells with their ``row_number``. ``decimal`` and ``order`` are those of a profile.

    The parts are written like the amounts, so the column of the amounts shows their decimal sign where it shows any.
    Raises ``FileProblem`` when a column can be read in two ways.
    """

    def form(column: str) -> str:
        return form_of(cells_of(column), head, days_first=days_first, order=order, column=column)

    forms = {"due_date": form("due_date")}
    shown = decimal or decimal_in(cells_of("amount_due"), head, jurisdiction, currency)
    decimals = {"amount_due": shown or "."}
    for name in COMPONENTS:
        cells = cells_of(name)
        if cells[name].null_count() < len(cells):
            decimals[name] = shown or decimal_in(cells, head, jurisdiction, currency, name) or "."
    return Written(decimals, forms | {name: form(name) for name in DAYS}, shown)
