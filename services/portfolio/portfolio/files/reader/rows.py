"""Turns a portfolio file into two CSV files for COPY: the accepted and the rejected rows."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
from jurisdictions import dialable_phone, profile

from portfolio.files.reader.addresses import with_address_findings, with_second_address
from portfolio.files.reader.amounts import decimal_of
from portfolio.files.reader.checks import Check, Reading, amendment_checks, checks, code_page_checks, parse
from portfolio.files.reader.columns import (
    ACCEPTED_COLUMNS,
    ACCEPTED_FILE,
    CELLS_FILE,
    EXTRA_COLUMNS,
    EXTRAS_FILE,
    PARTY_PHONES,
    REJECTED_COLUMNS,
    REJECTED_FILE,
)
from portfolio.files.reader.components import completed
from portfolio.files.reader.plans import spread
from portfolio.files.reader.series import mapped, without_type
from portfolio.files.reader.trailers import NO_CONTROLS, Controls, TrailerFinder
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
untold: Progress = int
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
    code_pages: CodePages = UNKNOWN,
    amends: UUID | None = None,
    controls: Controls = NO_CONTROLS,
    progress: Progress = untold,
) -> Summary:
    """Read and check all of ``path``, and write ``accepted.csv`` and ``rejected.csv`` into the folder ``out``.

    ``amends`` is the file that this one amends. A row that names another file is rejected. ``progress`` is told how
    many rows have been read.

    Their columns are ``ACCEPTED_COLUMNS`` and ``REJECTED_COLUMNS``; an empty field is NULL. Raises ``FileProblem`` when
    nothing of the file can be loaded, ``CodePageUnsure``, and ``UnknownJurisdiction``.
    """
    profile(reading.jurisdiction)
    source = opened(path, out, reading.layout)
    head = source.head
    encoding = source.encoding or encoding_of(source.path, code_pages)
    trailer = TrailerFinder(head, reading.layout)
    whole, unreadable = frames_of(trailer.without(records(source.path, encoding, head)), head, progress)
    if whole.is_empty() and unreadable.is_empty():
        raise FileProblem("empty", "The file has a header but no rows.")
    rows = parse(whole, head, reading).with_columns(whole.select(_OURS.values()))
    _refuse_other_totals(rows, len(unreadable), head, controls, trailer.totals(reading))
    # A person who has confirmed the code page has seen the words.
    other_pages = code_page_checks(head) if code_pages.confirmed is None else ()
    rules = [*checks(head), *other_pages, *amendment_checks(amends)]
    raw = whole.with_columns(without_type(whole[name]) for name in raw_names(head))
    accepted, rejected = checked(rows, raw, head, rules, MAX_REJECTED_ROWS - len(unreadable))
    rows_accepted = len(accepted)
    if head.has_foreign:
        raw.join(accepted.select("row_number"), on="row_number", how="semi").select(
            "row_number", json_array(pl.concat_list(raw_names(head)).list.eval(shown())).alias("cells")
        ).write_csv(out / CELLS_FILE)
    accepted = _completed(accepted, head, reading.jurisdiction)
    rejected = pl.concat([rejected, rejected_rows(unreadable)]).sort("row_number")
    accepted.select(ACCEPTED_COLUMNS).write_csv(out / ACCEPTED_FILE)
    if extra := [column for column in EXTRA_COLUMNS if column in accepted.columns]:
        accepted.select("contract_number", "timezone", *extra).write_csv(out / EXTRAS_FILE)
    rejected.write_csv(out / REJECTED_FILE)
    return Summary(
        rows_read=rows_accepted + len(rejected),
        rows_accepted=rows_accepted,
        rows_rejected=len(rejected),
        amount_accepted=_total(accepted["amount"]),
        contracts=accepted["contract_number"].n_unique(),
        header=head.header,
        columns=head.columns,
        layout=_layout_found(source, rows, reading),
        warnings=(*source.warnings, *trailer.warnings),
    )


def _layout_found(source: Opened, rows: pl.DataFrame, reading: Reading) -> dict[str, Any]:
    """How the file was read. The corrected rows are few, and may not show it again."""
    head, layout = source.head, reading.layout
    columns = tuple(map(MappedColumn, head.header, profile_fields(head)))
    decimal = layout.decimal or decimal_of(rows, head, reading.jurisdiction, reading.currency)
    return replace(layout, columns=columns, decimal=decimal).stored()


def _refuse_other_totals(
    rows: pl.DataFrame, unreadable: int, head: FileHead, controls: Controls, stated: Controls
) -> None:
    """Raise ``FileProblem`` when the file does not add up to what its sender or its trailer says."""
    amount = pl.col("amount").cast(pl.Decimal(38, 2))
    sums = rows.select((amount * pl.col("count").fill_null(1)) if head.amount_of_each and head.has_plans else amount)
    counted, added = len(rows) + unreadable, _total(sums.to_series())
    unread = unreadable + rows["amount"].null_count()
    for said, who in ((controls, "control totals say"), (stated, "last rows of the file say")):
        if said.rows in (None, counted) and said.amount in (None, added):
            continue
        left = f" The amounts of {unread:,} rows cannot be read." if unread and said.amount is not None else ""
        raise FileProblem(
            "control_totals_differ",
            f"The {who}: rows {_said(said.rows)}, amount {_said(said.amount)}. The file has: rows {counted:,}, amount"
            f" {added:,.2f}.{left} Nothing was applied. Ask for the whole file again.",
        )


def _said(figure: int | Decimal | None) -> str:
    return "–" if figure is None else f"{figure:,}"


def _total(amounts: pl.Series) -> Decimal:
    total = amounts.cast(pl.Decimal(38, 2)).sum()
    return total if isinstance(total, Decimal) else Decimal("0.00")


def raw_names(head: FileHead) -> list[str]:
    """The names of the file's own columns in a frame of raw cells. A foreign one has its place for a name."""
    return [column if column is not None else f"foreign {place}" for place, column in enumerate(head.columns)]


def frames_of(
    found: Iterable[Record], head: FileHead, progress: Progress = untold
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the readable records as text, and the unreadable records with their faults."""
    ours = {_OURS[column]: place for place, column in enumerate(head.our_columns) if column in _OURS}
    own = raw_names(head)
    names = (*own, *_OURS.values())
    schema: dict[str, type[pl.DataType]] = {"row_number": pl.Int64} | dict.fromkeys(names, pl.String)
    whole, unreadable = [pl.DataFrame(schema=schema)], [pl.DataFrame(schema=_UNREADABLE)]
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
        whole.append(pl.DataFrame([numbers, *texts, *added]))
        bad = [_unreadable_row(record, head) for record in some if record.faults]
        unreadable.append(pl.DataFrame(bad, schema=_UNREADABLE, orient="row"))
        progress(some[-1].number - 1)
    return pl.concat(whole), pl.concat(unreadable)


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
    if is_bad.sum() > most_rejected:
        raise FileProblem("too_many_rejects", f"More than {MAX_REJECTED_ROWS:,} rows have problems. Correct the file.")
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
