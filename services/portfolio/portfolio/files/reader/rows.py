"""Turns a portfolio file into two CSV files for COPY: the accepted and the rejected rows."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
from jurisdictions import dialable_phone, profile

from portfolio.files.reader.addresses import with_address_findings, with_second_address
from portfolio.files.reader.checks import (
    TYPED,
    Check,
    Reading,
    amendment_checks,
    checks,
    code_page_checks,
    contract_numbers,
    parse,
    written_like,
)
from portfolio.files.reader.columns import (
    ACCEPTED_COLUMNS,
    ACCEPTED_FILE,
    CELLS_FILE,
    PARTY_PHONES,
    REJECTED_COLUMNS,
    REJECTED_FILE,
    append,
)
from portfolio.files.reader.components import completed
from portfolio.files.reader.contracts import Contracts
from portfolio.files.reader.partitions import Partitions
from portfolio.files.reader.plans import spread
from portfolio.files.reader.series import mapped, without_type
from portfolio.files.reader.trailers import NO_CONTROLS, Controls, TrailerFinder
from portfolio.files.reader.written import Written
from portfolio.tabular.cells import value_of
from portfolio.tabular.code_pages import UNKNOWN, CodePages
from portfolio.tabular.csv import MAX_KEPT_CHARACTERS, encoding_of, records
from portfolio.tabular.heads import profile_fields
from portfolio.tabular.layouts import MappedColumn
from portfolio.tabular.opening import Opened, opened
from portfolio.tabular.profiles import REPEATED
from portfolio.tabular.records import CONTROL_CHARACTERS, FileHead, FileProblem, Record
from portfolio.tabular.typed import NUMBER_SIGN

Progress = Callable[[int], object]
unreported: Progress = int
"""For a reader whom nobody watches."""
MAX_REJECTED_ROWS = 200_000
"""A file with more rejected rows is refused whole. Nobody corrects so many rows one by one."""
_ROWS_AT_ONCE = 20_000
_ERROR = pl.Struct({"column": pl.String, "code": pl.String, "reason": pl.String})
_OURS = {"row_number": "rejected_row", "file_id": "amended_file"}
"""What a file of rejected rows says of each row: its number in the file to which it belongs, and that file."""
_UNREADABLE: dict[str, pl.DataType | type[pl.DataType]] = {
    "row_number": pl.Int64,
    "contract_number": pl.String,
    "faults": pl.List(_ERROR),
    "fields": pl.List(pl.String),
}


@dataclass(frozen=True)
class Summary:
    """The counts of a file.

    ``contracts`` counts contracts with at least one accepted row. ``amount_accepted`` is the sum of the accepted rows.
    ``columns`` are the fields of ``header``, null for a foreign one. ``layout`` is how the file was read, for the
    corrected rows that come back. ``format``, ``encoding``, ``sheet`` and ``warnings`` are as ``Opened`` has them.
    """

    rows_read: int
    rows_accepted: int
    rows_rejected: int
    amount_accepted: Decimal
    contracts: int
    header: tuple[str, ...]
    columns: tuple[str | None, ...] = ()
    layout: dict[str, Any] = field(default_factory=dict, compare=False)
    warnings: tuple[str, ...] = ()


def read_portfolio_file(
    path: Path,
    out: Path,
    reading: Reading,
    contracts: Contracts,
    code_pages: CodePages = UNKNOWN,
    amends: UUID | None = None,
    controls: Controls = NO_CONTROLS,
    progress: Progress = unreported,
) -> Summary:
    """Read and check all of ``path``, and write ``accepted.csv`` and ``rejected.csv`` into the empty folder ``out``.

    ``amends`` is the file that this one amends. A row that names another file is rejected. ``progress`` gets how
    many rows have been read. ``contracts`` is given all good rows.

    Their columns are ``ACCEPTED_COLUMNS`` and ``REJECTED_COLUMNS``; an empty field is NULL. Raises ``FileProblem`` when
    nothing of the file can be loaded, ``CodePageUnsure``, and ``UnknownJurisdiction``.
    """
    profile(reading.jurisdiction)
    source = opened(path, out, reading.layout)
    head = source.head
    encoding = source.encoding or encoding_of(source.path, code_pages)
    trailer = TrailerFinder(head, reading.layout)
    partitions = Partitions(out, source.path.stat().st_size, partial(contract_numbers, head=head, reading=reading))
    typed = DistinctCells(TYPED.intersection(head.known))
    rejected = [rejected_rows(pl.DataFrame(schema=_UNREADABLE))]
    rows = 0
    for whole, unreadable in chunks_of(trailer.without(records(source.path, encoding, head)), head, progress):
        rows += len(whole) + len(unreadable)
        typed.add(whole)
        partitions.add(whole)
        rejected.append(rejected_rows(unreadable))
        _refuse_many(sum(map(len, rejected)))
    if rows == 0:
        raise FileProblem("empty", "The file has a header but no rows. Ask for the whole file.")
    # A person who has confirmed the code page has seen the words.
    other_pages = code_page_checks(head) if code_pages.confirmed is None else ()
    rules = [*checks(head), *other_pages, *amendment_checks(amends)]
    written = written_like(typed.of, head, reading)
    read = _Read(head, reading, out, rules, written, contracts, rejected)
    for whole in partitions:
        read.add(whole)
        del whole
    _refuse_other_totals(read.sums, controls, trailer.totals(reading))
    if read.refusal is not None:
        raise read.refusal
    all_rejected = pl.concat(rejected).sort("row_number")
    all_rejected.write_csv(out / REJECTED_FILE)
    contracts.end(all_rejected)
    return Summary(
        rows_read=read.sums.rows,
        rows_accepted=read.accepted,
        rows_rejected=len(all_rejected),
        amount_accepted=read.amount_accepted,
        contracts=read.contracts_accepted,
        header=head.header,
        columns=head.columns,
        layout=_layout_found(source, written.shown, reading),
        warnings=(*source.warnings, *trailer.warnings),
    )


@dataclass
class _Sums:
    """What a file adds up to. ``unread`` rows have no amount that can be read."""

    rows: int = 0
    amount: Decimal = Decimal("0.00")
    unread: int = 0


class _Read:
    """The rows of a file that have been checked. Each partition is written when it is added."""

    def __init__(
        self,
        head: FileHead,
        reading: Reading,
        out: Path,
        rules: Sequence[Check],
        written: Written,
        contracts: Contracts,
        rejected: list[pl.DataFrame],
    ) -> None:
        """``rejected`` has the rows that cannot be read, and takes in the other ones that are refused."""
        self._head, self._reading, self._out, self._rules, self._written = head, reading, out, rules, written
        self._contracts = contracts
        self._rejected = rejected
        unreadable = sum(map(len, rejected))
        self.sums = _Sums(rows=unreadable, unread=unreadable)
        self.accepted = 0
        self.amount_accepted = Decimal("0.00")
        self.contracts_accepted = 0
        self.refusal: FileProblem | None = None
        """Why the file is refused, although all its rows are still added up."""

    def add(self, whole: pl.DataFrame) -> None:
        """Check the raw rows of some contracts."""
        head = self._head
        rows = parse(whole, head, self._reading, self._written).with_columns(whole.select(_OURS.values()))
        self._sum_up(rows)
        raw = whole.with_columns(without_type(whole[name]) for name in raw_names(head))
        try:
            accepted, rejected = checked(
                rows, raw, head, self._rules, MAX_REJECTED_ROWS - sum(map(len, self._rejected))
            )
        except FileProblem as problem:
            self.refusal = problem
        if self.refusal is not None:
            return
        self._rejected.append(rejected)
        self.accepted += len(accepted)
        self.amount_accepted += _total(accepted["amount"])
        self.contracts_accepted += accepted["contract_number"].n_unique()
        if head.has_foreign:
            kept = raw.join(accepted.select("row_number"), on="row_number", how="semi")
            cells = json_array(pl.concat_list(raw_names(head)).list.eval(shown())).alias("cells")
            append(self._out / CELLS_FILE, kept.select("row_number", cells))
        accepted = _completed(accepted, head, self._reading.jurisdiction)
        append(self._out / ACCEPTED_FILE, accepted.select(ACCEPTED_COLUMNS))
        self._contracts.add(accepted)

    def _sum_up(self, rows: pl.DataFrame) -> None:
        amount = pl.col("amount").cast(pl.Decimal(38, 2))
        of_each = self._head.amount_of_each and self._head.has_plans
        sums = rows.select((amount * pl.col("count").fill_null(1)) if of_each else amount)
        self.sums.rows += len(rows)
        self.sums.amount += _total(sums.to_series())
        self.sums.unread += rows["amount"].null_count()


def _layout_found(source: Opened, decimal: str | None, reading: Reading) -> dict[str, Any]:
    """How the file was read. The corrected rows are few, and may not show it again."""
    columns = tuple(map(MappedColumn, source.head.header, profile_fields(source.head)))
    return replace(reading.layout, columns=columns, decimal=decimal).stored()


def _refuse_many(rejected: int) -> None:
    if rejected > MAX_REJECTED_ROWS:
        raise FileProblem("too_many_rejects", f"More than {MAX_REJECTED_ROWS:,} rows have problems. Correct the file.")


def _refuse_other_totals(sums: _Sums, controls: Controls, stated: Controls) -> None:
    """Raise ``FileProblem`` when the file does not add up to what its sender or its trailer says."""
    for said, who in ((controls, "control totals say"), (stated, "last rows of the file say")):
        if said.rows in (None, sums.rows) and said.amount in (None, sums.amount):
            continue
        unread = sums.unread and said.amount is not None
        left = f" The amounts of {sums.unread:,} rows cannot be read." if unread else ""
        raise FileProblem(
            "control_totals_differ",
            f"The {who}: rows {_said(said.rows)}, amount {_said(said.amount)}. The file has: rows {sums.rows:,}, amount"
            f" {sums.amount:,.2f}.{left} Nothing was applied. Ask for the whole file again.",
        )


def _said(figure: int | Decimal | None) -> str:
    return "–" if figure is None else f"{figure:,}"


def _total(amounts: pl.Series) -> Decimal:
    total = amounts.cast(pl.Decimal(38, 2)).sum()
    return total if isinstance(total, Decimal) else Decimal("0.00")


def raw_names(head: FileHead) -> list[str]:
    """The names of the file's own columns in a frame of raw cells. A foreign one has its place for a name."""
    return [column if column is not None else f"foreign {place}" for place, column in enumerate(head.columns)]


class DistinctCells:
    """The distinct cells of some columns of a file, each with the first row that has it."""

    def __init__(self, columns: Iterable[str]) -> None:
        self._cells: dict[str, list[pl.DataFrame]] = {column: [] for column in columns}
        self._none = pl.DataFrame({"row_number": [1]})

    def add(self, whole: pl.DataFrame) -> None:
        for column, cells in self._cells.items():
            cells.append(_first_rows(whole.select("row_number", column), column))

    def of(self, column: str) -> pl.DataFrame:
        """Without such a column, one row without it."""
        found = self._cells.get(column)
        return _first_rows(pl.concat(found), column) if found else self._none


def _first_rows(cells: pl.DataFrame, column: str) -> pl.DataFrame:
    return cells.unique(column, keep="first", maintain_order=True)


def frames_of(
    found: Iterable[Record], head: FileHead, progress: Progress = unreported
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the readable records as text, and the unreadable records with their faults."""
    whole, unreadable = zip(*chunks_of(found, head, progress), strict=True)
    return pl.concat(whole), pl.concat(unreadable)


def chunks_of(
    found: Iterable[Record], head: FileHead, progress: Progress = unreported
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield the frames of ``frames_of`` for some records at a time; the first ones have no rows."""
    ours = {_OURS[column]: place for place, column in enumerate(head.our_columns) if column in _OURS}
    own = raw_names(head)
    names = (*own, *_OURS.values())
    schema: dict[str, type[pl.DataType]] = {"row_number": pl.Int64} | dict.fromkeys(names, pl.String)
    yield pl.DataFrame(schema=schema), pl.DataFrame(schema=_UNREADABLE)
    found = iter(found)
    while some := list(islice(found, _ROWS_AT_ONCE)):
        good = [record for record in some if not record.faults]
        columns = zip(*(record.fields for record in good), strict=True) if good else ((),) * len(own)
        numbers = pl.Series("row_number", [record.number for record in good], dtype=pl.Int64)
        texts = (pl.Series(name, texts, dtype=pl.String) for name, texts in zip(own, columns, strict=True))
        added = (
            pl.Series(name, [r.ours[ours[name]] if name in ours else None for r in good], dtype=pl.String)
            for name in _OURS.values()
        )
        bad = [_unreadable_row(record, head) for record in some if record.faults]
        yield pl.DataFrame([numbers, *texts, *added]), pl.DataFrame(bad, schema=_UNREADABLE, orient="row")
        progress(some[-1].number - 1)


def _unreadable_row(record: Record, head: FileHead) -> tuple[object, ...]:
    place = head.columns.index("contract_number") if "contract_number" in head.columns else len(head.columns)
    fields = [cell.removeprefix(NUMBER_SIGN) for cell in record.fields]
    contract = value_of(fields[place]) if place < len(fields) else None
    faults = [{"column": None, "code": fault.code, "reason": fault.reason} for fault in record.faults]
    return record.number, contract, faults, fields


def refused_rows(
    rows: pl.DataFrame, whole: pl.DataFrame, head: FileHead, rules: Sequence[Check], unreadable: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The good rows, and the others with ``errors`` and ``cells`` as lists."""
    raw = whole.with_columns(without_type(whole[name]) for name in raw_names(head))
    accepted, rejected = checked(rows, raw, head, rules, MAX_REJECTED_ROWS)
    rejected = pl.concat([rejected, rejected_rows(unreadable)]).sort("row_number")
    parsed = [pl.Series(name, map(json.loads, rejected[name]), dtype=pl.Object) for name in ("errors", "cells")]
    return accepted, rejected.with_columns(parsed)


def checked(
    rows: pl.DataFrame, raw: pl.DataFrame, head: FileHead, rules: Sequence[Check], most_rejected: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the parsed rows without a problem, and the other rows as ``rejected.csv`` has them, with every problem.

    Raises ``FileProblem`` for more than ``most_rejected`` of the others.
    """
    failed = rows.select(rule.failed.fill_null(value=False).alias(str(place)) for place, rule in enumerate(rules))
    is_bad = failed.select(pl.any_horizontal(pl.all())).to_series()
    _refuse_many(int(is_bad.sum()) + MAX_REJECTED_ROWS - most_rejected)
    errors = [_error(rule, head) for rule, rows_failed in zip(rules, failed, strict=True) if rows_failed.any()]
    refused = rows.filter(is_bad).with_columns(
        raw.filter(is_bad).select(pl.concat_list(raw_names(head)).alias("fields")).to_series()
    )
    rejected = [rejected_rows(pl.DataFrame(schema=_UNREADABLE))]
    # The rows are taken in slices, because every row of a big file may have many problems.
    for some in refused.iter_slices(_ROWS_AT_ONCE):
        faults = pl.concat_list(errors).list.drop_nulls().alias("faults")
        rejected.append(rejected_rows(some.with_columns(faults)))
    return rows.filter(~is_bad), pl.concat(rejected)


def _error(rule: Check, head: FileHead) -> pl.Expr:
    error = pl.struct(
        pl.lit(head.header_of(rule.column)).alias("column"),
        pl.lit(rule.code).alias("code"),
        pl.lit(rule.reason).alias("reason"),
    )
    return pl.when(rule.failed).then(error)


def rejected_rows(refused: pl.DataFrame) -> pl.DataFrame:
    # A contract number with control characters still identifies the incomplete contract, so they are removed from it.
    contract = pl.col("contract_number").str.replace_all(CONTROL_CHARACTERS, "").str.strip_chars()
    fields = pl.col("fields").list.eval(shown())
    return refused.select(
        "row_number",
        contract.str.head(200).replace("", None),
        json_array(pl.col("faults")).alias("errors"),
        json_array(fields).alias("cells"),
    ).select(REJECTED_COLUMNS)


def shown() -> pl.Expr:
    """What people see of a cell. PostgreSQL cannot store NUL in text or jsonb; the symbol for NUL takes its place."""
    return pl.element().str.head(MAX_KEPT_CHARACTERS).str.replace_all("\0", "\u2400", literal=True)


def json_array(items: pl.Expr) -> pl.Expr:
    """polars encodes only structs as JSON, so the list is wrapped in a struct and the wrapping is removed again."""
    wrapped = pl.struct(items.alias("x")).struct.json_encode()
    return wrapped.str.strip_prefix('{"x":').str.head(-1)


def _completed(rows: pl.DataFrame, head: FileHead, jurisdiction: str) -> pl.DataFrame:
    """Add derived columns to the good rows: instalments, their numbers, dialable phones, findings about addresses."""
    if head.has_plans:
        rows = spread(rows, amount_of_each=head.amount_of_each)
    if "instalment_number" not in head.columns:
        by_due_date = pl.col("due_on").rank("ordinal").over("contract_number")
        rows = rows.with_columns(by_due_date.cast(pl.Int32).alias("number"))
    rows = completed(rows)
    phones = [
        mapped(rows[phone], lambda raw: dialable_phone(raw, jurisdiction)).alias(f"{phone}_e164")
        for phone in (*REPEATED["phone"], *PARTY_PHONES)
        if phone in rows.columns
    ]
    rejected_row = pl.when(pl.col("rejected_row").str.contains(r"^[0-9]{1,9}$")).then("rejected_row").cast(pl.Int32)
    rows = rows.with_columns(
        *phones, rejected_row, pl.col("number").alias("instalment_number"), pl.col("kind").alias("debtor_kind")
    )
    return with_second_address(with_address_findings(rows, jurisdiction), jurisdiction)
