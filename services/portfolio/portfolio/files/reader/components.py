"""Reads the parts of a row's amount, and what a row says of the contract beside its debtor.

The parts of a row add up to its amount. A row without any part states none. In a row with some, an empty one is 0.
"""

from collections.abc import Iterable

import polars as pl

from portfolio.files.reader.amounts import amounts
from portfolio.files.reader.days import days
from portfolio.files.reader.series import mapped
from portfolio.files.reader.written import DAYS, Written
from portfolio.tabular.profiles import COMPONENTS, plain

STATED = "states_components"
"""True in rows that state parts."""
READ_AS = {name: f"{name}_read" for name in (*COMPONENTS, *DAYS, "language")}
"""The names of the parsed cells."""

_LANGUAGES = {
    "es": "es esmx eses spa espanol castellano spanish espanhol",
    "pt": "pt ptbr ptpt por portugues portuguese",
    "en": "en enus engb eng ingles english",
}
_LANGUAGE_OF = {written: language for language, ways in _LANGUAGES.items() for written in ways.split()}


def with_components(
    cells: pl.DataFrame, jurisdiction: str, currency: str | None, written: Written, order: str | None
) -> pl.DataFrame:
    """Add the parsed parts, the further dates and the language, by the names of ``READ_AS``, and ``STATED``."""
    decimals = written.decimals
    return cells.with_columns(
        *(
            amounts(cells, jurisdiction, currency, decimals[name], name).alias(READ_AS[name])
            if name in decimals
            else pl.lit(None, pl.Decimal(14, 2)).alias(READ_AS[name])
            for name in COMPONENTS
        ),
        *(days(cells, written.forms[name], order=order, column=name).alias(READ_AS[name]) for name in DAYS),
        mapped(cells["language"], lambda text: _LANGUAGE_OF.get(plain(text))).alias(READ_AS["language"]),
        pl.any_horizontal(pl.col(name).is_not_null() for name in COMPONENTS).alias(STATED),
    )


def component_faults() -> Iterable[tuple[str, str, str, pl.Expr]]:
    """Column, code, reason and condition of each reason to refuse a row because of its parts."""
    unread = "is not an amount such as 1234.50 of at most 12 digits before the point and 2 after it"
    for name in COMPONENTS:
        part = pl.col(READ_AS[name])
        yield name, "bad_amount", unread, pl.col(name).is_not_null() & part.is_null()
        yield name, "negative_amount", "is negative", part < 0
    total = pl.sum_horizontal(pl.col(READ_AS[name]).fill_null(0).cast(pl.Decimal(38, 2)) for name in COMPONENTS)
    legible = pl.all_horizontal(pl.col(name).is_null() | pl.col(READ_AS[name]).is_not_null() for name in COMPONENTS)
    differs = pl.col(STATED) & legible & (total != pl.col("amount").cast(pl.Decimal(38, 2)))
    reason = "is not the sum of its parts: principal, ordinary and default interest, fees, tax and other"
    yield "amount_due", "components_differ", reason, differs
    for name, (first, last) in DAYS.items():
        day = pl.col(READ_AS[name])
        given = pl.col(name).is_not_null()
        yield name, "bad_date", "is not a date such as 30/11/2026 or 2026-11-30", given & day.is_null()
        yield name, "bad_date", f"is not between {first} and {last}", ~day.is_between(first, last)
    unknown = pl.col("language").is_not_null() & pl.col(READ_AS["language"]).is_null()
    yield "language", "bad_language", "is not a language that is known: es, pt, en", unknown


def completed(rows: pl.DataFrame) -> pl.DataFrame:
    """Put the parsed cells in the place of the written ones. A row states all parts or none."""
    stated = pl.when(pl.col(STATED))
    return rows.with_columns(
        *(stated.then(pl.col(READ_AS[name]).fill_null(0)).alias(name) for name in COMPONENTS),
        stated.then(pl.col(READ_AS["calculated_on"])).alias("calculated_on"),
        pl.col(READ_AS["origination_date"]).alias("origination_date"),
        pl.col(READ_AS["language"]).alias("language"),
    )


def spread_components(count: pl.Expr, nth: pl.Expr) -> Iterable[pl.Expr]:
    """The parts of the nth instalment of ``count``, whose amounts are those of ``plans.spread``.

    Each instalment has a ``count``-th of each part in whole cents. The cents that are left over are laid end to end,
    and every instalment takes from them what its amount lacks, so the parts of each instalment add up to its amount,
    and the shares of each part add up to the part.
    """
    parts = {name: (pl.col(READ_AS[name]).fill_null(0) * 100).cast(pl.Int64) for name in COMPONENTS}
    left = {name: part % count for name, part in parts.items()}
    total = pl.sum_horizontal(left.values())
    lacks = total // count
    start, stop = nth * lacks, pl.when(nth == count - 1).then(total).otherwise((nth + 1) * lacks)
    before = pl.lit(0, pl.Int64)
    for name, part in parts.items():
        after = before + left[name]
        more = (pl.min_horizontal(after, stop) - pl.max_horizontal(before, start)).clip(lower_bound=0)
        cents = part // count + more
        share = (cents.cast(pl.Decimal(20, 2)) * pl.lit(0.01, pl.Decimal(20, 2))).cast(pl.Decimal(14, 2))
        yield pl.when(pl.col(READ_AS[name]).is_not_null()).then(share).alias(READ_AS[name])
        before = after
