"""Rows that describe a whole plan: an amount, the first due date, the number of instalments and their frequency."""

from decimal import Decimal

import polars as pl

from portfolio.files.reader.components import spread_components
from portfolio.files.reader.series import mapped
from portfolio.ledger.limits import ROWS_OF_CONTRACT
from portfolio.tabular.profiles import plain

_FREQUENCIES = {
    "7d": "semanal semanalmente weekly week weeks semana semanas cadasemana",
    "14d": "catorcenal bisemanal biweekly everytwoweeks cada14dias",
    "half": "quincenal quinzenal quincena quincenas quinzena semimonthly fortnightly cada15dias",
    "1mo": "mensual mensal monthly month months mes meses cadames",
    "2mo": "bimestral bimonthly cada2meses",
    "3mo": "trimestral quarterly quarter",
    "4mo": "cuatrimestral quadrimestral",
    "6mo": "semestral semiannual halfyearly biannual",
    "12mo": "anual annual yearly year",
}
_STEP_OF = {name: step for step, names in _FREQUENCIES.items() for name in names.split()}
_COUNT = r"^[0-9]{1,9}$"
_CENT = Decimal("0.01")


def with_plans(cells: pl.DataFrame) -> pl.DataFrame:
    """Add ``count``, the number of instalments that each row describes, and ``every``, their distance.

    An empty number is one instalment. Both are null where they cannot be read.
    """
    text = pl.col("instalment_count").str.replace(r"[.,]0+$", "")
    count = (
        pl.when(text.is_null()).then(pl.lit(1)).when(text.str.contains(_COUNT)).then(text.cast(pl.Int32, strict=False))
    )
    frequency = cells["frequency"] if "frequency" in cells.columns else pl.Series("frequency", [None] * len(cells))
    return cells.with_columns(
        pl.when(count.is_between(1, ROWS_OF_CONTRACT)).then(count).alias("count"),
        mapped(frequency.cast(pl.String), lambda name: _STEP_OF.get(plain(name))).alias("every"),
    )


def spread(rows: pl.DataFrame, *, amount_of_each: bool) -> pl.DataFrame:
    """One row for each instalment. The parts of an amount add up to it: the last one takes the cents that are left.

    A month that is too short has the instalment on its last day, and the next one is on the day of the first again.
    """
    count = pl.col("count").cast(pl.Int64)
    rows = rows.with_columns(pl.int_ranges(0, count).alias("nth")).explode("nth")
    cents = (pl.col("amount") * 100).cast(pl.Int64)
    part = cents // count
    share = pl.when(pl.col("nth") == count - 1).then(cents - part * (count - 1)).otherwise(part)
    amount = (
        pl.col("amount") if amount_of_each else (share.cast(pl.Decimal(20, 2)) * pl.lit(_CENT)).cast(pl.Decimal(14, 2))
    )
    parts = () if amount_of_each else spread_components(count, pl.col("nth"))
    return rows.with_columns(
        due_date_of(pl.col("nth")).alias("due_on"),
        amount.alias("amount"),
        *parts,
        number=pl.col("number") + pl.col("nth"),
    ).drop("nth")


def due_date_of(nth: pl.Expr) -> pl.Expr:
    """The day of the nth instalment after the first, ``due_on``. It is computed from the first, never step by step."""
    first, every = pl.col("due_on"), pl.col("every")
    steps = every.str.extract(r"^([0-9]+)", 1).cast(pl.Int64)
    moved = first.dt.offset_by(pl.concat_str(steps * nth, every.str.extract(r"([a-z]+)$", 1)))
    return (
        pl.when(every.is_null() | (nth == 0)).then(first).when(every == "half").then(_half_months(nth)).otherwise(moved)
    )


def _half_months(nth: pl.Expr) -> pl.Expr:
    """Twice a month: on the day and 15 days from it. The 15th goes with the last day of the month."""
    first = pl.col("due_on")
    day, begin = first.dt.day().cast(pl.Int64), first.dt.month_start()
    is_last = (day == 15) | (first == first.dt.month_end())
    early = pl.when(is_last).then(pl.lit(15)).when(day > 15).then(day - 15).otherwise(day)
    late = pl.when(is_last).then(pl.lit(31)).otherwise(early + 15)
    halves = nth + pl.when(first.dt.day() > 15).then(pl.lit(1)).otherwise(pl.lit(0))
    month = begin.dt.offset_by(pl.concat_str(halves // 2, pl.lit("mo")))
    wanted = pl.when(halves % 2 == 0).then(early).otherwise(late)
    last = month.dt.month_end().dt.day().cast(pl.Int64)
    return month.dt.offset_by(pl.concat_str(pl.min_horizontal(wanted, last) - 1, pl.lit("d")))
