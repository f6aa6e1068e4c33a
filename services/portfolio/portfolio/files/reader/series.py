"""Functions applied to whole columns, with one call for each distinct value."""

from collections.abc import Callable

import polars as pl

from portfolio.tabular.typed import NUMBER_SIGN


def mapped(values: pl.Series, function: Callable[[str], str | None]) -> pl.Series:
    """Apply ``function`` to every value."""
    distinct = values.drop_nulls().unique().to_list()
    if not distinct:
        return pl.Series(values.name, [None] * len(values), dtype=pl.String)
    answers = pl.Series([function(value) for value in distinct], dtype=pl.String)
    return values.replace_strict(distinct, answers, default=None, return_dtype=pl.String)


def cleaned(values: pl.Series, clean: Callable[[str], str]) -> pl.Series:
    """Apply ``clean`` to the cells, trim them, and make an empty cell null.

    ``clean`` is called only for cells with signs beyond ASCII, quotation marks, or several blanks.
    """
    cell = pl.col(values.name)
    beyond_ascii = cell.str.len_bytes() != cell.str.len_chars()
    quoted = cell.str.contains("'", literal=True) | cell.str.starts_with("=") | cell.str.contains("  ", literal=True)
    odd = values.to_frame().filter(beyond_ascii | quoted)[values.name].unique()
    changed = {before: after for before in odd if (after := clean(before)) != before}
    if changed:
        values = values.replace(list(changed), list(changed.values()))
    return values.str.strip_chars().replace("", None)


def without_type(values: pl.Series) -> pl.Series:
    """The texts of cells that a workbook held as numbers, as people see them."""
    return values.str.strip_prefix(NUMBER_SIGN) if values.str.starts_with(NUMBER_SIGN).any() else values
