"""Splits the rows of a big file by contract, on disk, so that memory holds one part of them at a time."""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

PARTITION_BYTES = 8 * 1024 * 1024
"""So many bytes of text make one partition. Checking rows takes about twenty times their bytes."""
ROWS_IN_MEMORY = 40_000
_PARTITION = "partition"


class Partitions:
    """Rows by partition. All rows with one key are in one partition, in the order in which they are added.

    ``key`` gives the keys of the rows of a frame; a row without one may be in any partition. The rows of a text below
    ``PARTITION_BYTES`` are one partition, and stay in memory. Others wait in files in ``folder``.
    """

    def __init__(self, folder: Path, text_bytes: int, key: Callable[[pl.DataFrame], pl.Series]) -> None:
        self._folder = folder
        self._count = 1 + text_bytes // PARTITION_BYTES
        self._key = key
        self._held: list[pl.DataFrame] = []
        self._written = 0

    def add(self, rows: pl.DataFrame) -> None:
        self._held.append(rows)
        if self._count > 1 and sum(map(len, self._held)) >= ROWS_IN_MEMORY:
            self._write()

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield each partition that has rows, once. Without any row, yield one frame without rows."""
        if self._written == 0:
            yield self._taken()
            return
        self._write()
        numbers = {int(path.name.split("-")[1]) for path in self._folder.glob(f"{_PARTITION}-*")}
        for number in sorted(numbers):
            yield self._read(number)

    def _taken(self) -> pl.DataFrame:
        rows = pl.concat(self._held)
        self._held = []
        return rows

    def _write(self) -> None:
        if not self._held:
            return
        rows = self._taken()
        key = self._key(rows).fill_null(pl.int_range(len(rows), eager=True).cast(pl.String))
        rows = rows.with_columns((key.hash() % self._count).alias(_PARTITION))
        for (number,), some in rows.partition_by(_PARTITION, as_dict=True, include_key=False).items():
            some.write_ipc(self._folder / f"{_PARTITION}-{number}-{self._written:06}", compression="lz4")
        self._written += 1

    def _read(self, number: int) -> pl.DataFrame:
        paths = sorted(self._folder.glob(f"{_PARTITION}-{number}-*"))
        rows = pl.concat(pl.read_ipc(path) for path in paths)
        for path in paths:
            path.unlink()
        return rows
