"""Reads Parquet files, whose columns have types."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from portfolio.tabular.heads import MAX_COLUMNS
from portfolio.tabular.records import FileProblem
from portfolio.tabular.typed import text_of_cell

MAX_ROWS = 5_000_000
_ROWS_AT_ONCE = 20_000
_NESTED = (pl.List, pl.Array, pl.Struct, pl.Binary, pl.Object)


def parquet_rows(path: Path) -> Iterator[Sequence[str]]:
    """Yield the header and the rows as text. Raises ``FileProblem`` for a damaged file and one with too many rows."""
    try:
        table = pl.scan_parquet(path)
        schema = table.collect_schema()
        if len(schema) > MAX_COLUMNS:
            detail = (
                f"The file has {len(schema):,} columns; a file has at most {MAX_COLUMNS}. Leave out the columns"
                " that are not needed."
            )
            raise FileProblem("too_wide", detail)
        rows = table.select(pl.len()).collect().item()
        if rows > MAX_ROWS:
            raise FileProblem("bomb", f"The file has {rows:,} rows; a file has at most {MAX_ROWS:,}. Split it.")
        yield list(schema.names())
        # Lists and structures are no cells. Their columns stay empty.
        flat = [
            pl.lit(None, pl.String).alias(name) if isinstance(kind, _NESTED) else pl.col(name)
            for name, kind in schema.items()
        ]
        for start in range(0, rows, _ROWS_AT_ONCE):
            for row in table.slice(start, _ROWS_AT_ONCE).select(flat).collect().iter_rows():
                yield [text_of_cell(value) for value in row]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FileProblem("unsupported-type", "The Parquet file is damaged or not complete. Send it again.") from error
