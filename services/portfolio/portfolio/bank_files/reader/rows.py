"""Turns a bank's file into two CSV files for COPY: the accepted and the rejected rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

from portfolio.bank_files.formats import PaymentFormat, format_of
from portfolio.bank_files.reader import camt053, mt940, statements
from portfolio.bank_files.reader.checks import PaymentReading, checks, parse
from portfolio.bank_files.reader.columns import ACCEPTED_COLUMNS, ACCEPTED_FILE, REJECTED_COLUMNS, REJECTED_FILE
from portfolio.files.reader.checks import Reading
from portfolio.files.reader.rows import (
    MAX_REJECTED_ROWS,
    Progress,
    checked,
    frames_of,
    json_array,
    raw_names,
    rejected_rows,
    shown,
    unreported,
)
from portfolio.files.reader.series import without_type
from portfolio.files.reader.trailers import NO_CONTROLS, Controls, TrailerFinder
from portfolio.tabular.code_pages import CodePageUnsure
from portfolio.tabular.csv import encoding_of, records
from portfolio.tabular.layouts import Layout
from portfolio.tabular.opening import first_bytes_of, opened, unpacked
from portfolio.tabular.records import FileHead, FileProblem

_IN_STATEMENT = Layout(is_of_payments=True, decimal=".", dates="ymd")


@dataclass(frozen=True)
class Summary:
    """The counts of a file, how it was read, and what its sender should know. ``amount_accepted`` is of payments."""

    rows_read: int
    rows_accepted: int
    rows_rejected: int
    amount_accepted: Decimal
    format: str
    header: Sequence[str]
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class _Rows:
    """The rows of a file as text: those that could be split into cells, and the others."""

    head: FileHead
    whole: pl.DataFrame
    unreadable: pl.DataFrame
    reading: PaymentReading
    stated: Controls
    warnings: Sequence[str]


def read_payment_file(
    path: Path,
    out: Path,
    reading: PaymentReading,
    given: PaymentFormat | None = None,
    controls: Controls = NO_CONTROLS,
    progress: Progress = unreported,
) -> Summary:
    """Read and check all of ``path``, and write ``accepted.csv`` and ``rejected.csv`` into the folder ``out``.

    Raises ``FileProblem`` when nothing of the file can be booked.
    """
    path = unpacked(path, out)
    kind = given or format_of(first_bytes_of(path))
    found = _table(path, out, reading, progress) if kind is PaymentFormat.TABLE else _statement(path, kind, reading)
    head = found.head
    if found.whole.is_empty() and found.unreadable.is_empty() and kind is PaymentFormat.TABLE:
        raise FileProblem("empty", "The file has a header but no rows. Ask for the whole file.")
    rows = parse(found.whole, head, found.reading)
    for said, who in ((controls, "control totals say"), (found.stated, "last rows of the file say")):
        _refuse_other_totals(rows, len(found.unreadable), said, who)
    raw = found.whole.with_columns(without_type(found.whole[name]) for name in raw_names(head))
    accepted, rejected = checked(rows, raw, head, checks(head, reading), MAX_REJECTED_ROWS - len(found.unreadable))
    cells = raw.select("row_number", json_array(pl.concat_list(raw_names(head)).list.eval(shown())).alias("cells"))
    accepted.join(cells, on="row_number", how="left", maintain_order="left").with_columns(
        pl.col("due_on").alias("paid_on"), pl.col("channel_read").alias("channel")
    ).select(ACCEPTED_COLUMNS).write_csv(out / ACCEPTED_FILE)
    rejected = pl.concat([rejected, rejected_rows(found.unreadable)]).sort("row_number")
    rejected.select(REJECTED_COLUMNS).write_csv(out / REJECTED_FILE)
    return Summary(
        rows_read=len(accepted) + len(rejected),
        rows_accepted=len(accepted),
        rows_rejected=len(rejected),
        amount_accepted=_total(accepted.filter(~pl.col("is_reversal"))["amount"]),
        format=kind,
        header=head.header,
        warnings=found.warnings,
    )


def _table(path: Path, out: Path, reading: PaymentReading, progress: Progress) -> _Rows:
    source = opened(path, out, reading.layout)
    encoding = source.encoding or _encoding_of(source.path)
    trailer = TrailerFinder(source.head, reading.layout)
    whole, unreadable = frames_of(trailer.without(records(source.path, encoding, source.head)), source.head, progress)
    stated = trailer.totals(Reading(reading.jurisdiction, reading.currency))
    return _Rows(source.head, whole, unreadable, reading, stated, (*source.warnings, *trailer.warnings))


def _encoding_of(path: Path) -> str:
    """The code page matters to names alone here, which nobody prints. So the best one is taken without asking."""
    try:
        return encoding_of(path)
    except CodePageUnsure as unsure:
        return unsure.readings[0].code_page


def _statement(path: Path, kind: PaymentFormat, reading: PaymentReading) -> _Rows:
    read = camt053.read if kind is PaymentFormat.CAMT_053 else mt940.read
    statement = read(path, reading.currency)
    whole, unreadable = frames_of(statement.records(), statements.HEAD)
    read_so = reading._replace(layout=_IN_STATEMENT)
    return _Rows(statements.HEAD, whole, unreadable, read_so, NO_CONTROLS, statement.warnings)


def _refuse_other_totals(rows: pl.DataFrame, unreadable: int, said: Controls, who: str) -> None:
    """Raise ``FileProblem`` when the file does not add up to what its sender or its trailer says.

    Some senders add reversals up with the payments, some take them off.
    """
    counted = len(rows) + unreadable
    paid, reversed_ = (_total(rows.filter(pl.col("is_reversal") == side)["amount"]) for side in (False, True))
    if said.rows in (None, counted) and said.amount in (None, paid - reversed_, paid + reversed_):
        return
    unread = unreadable + rows["amount"].null_count()
    left = f" The amounts of {unread:,} rows cannot be read." if unread and said.amount is not None else ""
    figures = ["–" if one is None else f"{one:,}" for one in (said.rows, said.amount)]
    raise FileProblem(
        "control_totals_differ",
        f"The {who}: rows {figures[0]}, amount {figures[1]}. The file has: rows {counted:,}, amount"
        f" {paid - reversed_:,.2f}.{left} Nothing was applied. Ask for the whole file again.",
    )


def _total(amounts: pl.Series) -> Decimal:
    total = amounts.cast(pl.Decimal(38, 2)).sum()
    return total if isinstance(total, Decimal) else Decimal("0.00")
