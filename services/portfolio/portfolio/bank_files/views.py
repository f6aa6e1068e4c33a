"""What people see of a bank's file of payments."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis import NotFound, OutputModel, Page, PageQuery, Reader, clock, page
from recobro_events import MoneyTotal, Row

from portfolio.bank_files import queries
from portfolio.bank_files.formats import PaymentFormat
from portfolio.files.progress import Phase, progress_of
from portfolio.ledger.actors import ActorOfChange
from portfolio.portfolios import portfolios


class PaymentFileUnknown(NotFound):
    code = "payment-file-unknown"
    detail = "There is no payment file with this id."


class PaymentFileStatus(StrEnum):
    RECEIVED = "received"
    READING = "reading"
    LOADING = "loading"
    LOADED = "loaded"
    FAILED = "failed"


class PaymentFileView(OutputModel):
    """The state of a bank's file.

    ``rows_accepted`` = ``payments`` (booked) + ``known`` (booked or waiting before, with the same facts) +
    ``reversals`` + ``unidentified``, once the file is loaded; until then ``rows_done`` of them are. ``waiting`` counts
    the unidentified payments that still wait for a person. ``amount_accepted`` is the sum of the payments that were
    read, without reversals; ``amount_payments`` and the next three are the sums of what these counts count. ``channel``
    is that of rows without one. ``error`` is the reason of a failure.

    A ``dry_run`` changes nothing: it ends as ``loaded``, and the counts and sums say what would happen.
    """

    file_id: UUID
    portfolio_id: UUID
    filename: str
    format: PaymentFormat | None
    channel: str
    size_bytes: int
    status: PaymentFileStatus
    rows_read: int | None
    rows_accepted: int | None
    rows_rejected: int | None
    amount_accepted: MoneyTotal | None
    payments: int
    known: int
    reversals: int
    unidentified: int
    waiting: int
    amount_payments: MoneyTotal
    amount_known: MoneyTotal
    amount_reversals: MoneyTotal
    amount_unidentified: MoneyTotal
    dry_run: bool
    control_rows: int | None
    control_amount: MoneyTotal | None
    warnings: list[str]
    phase: Phase
    rows_done: int | None
    percent: int
    seconds_left: int | None
    error_code: str | None
    error: str | None
    received_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    uploaded_by: ActorOfChange


async def find(reader: Reader, file_id: UUID) -> PaymentFileView:
    """Return the file. Raises ``PaymentFileUnknown``."""
    return view_of(await reader.fetchrow(queries.FILE, file_id))


async def listed(
    reader: Reader,
    query: PageQuery,
    portfolio_id: UUID | None,
    status: PaymentFileStatus | None,
    finished_on: date | None = None,
) -> Page[Any]:
    """Return a page of files in the order of upload, of one portfolio or of all, with this status or any."""
    if portfolio_id is not None:
        await portfolios.find(reader, portfolio_id)
    after = query.after_number()
    rows = await reader.fetch(queries.FILES[query.order], portfolio_id, status, after, query.limit + 1, finished_on)
    shown = page(rows, query, key=lambda row: (row["sequence"],))
    return Page(items=[view_of(item) for item in shown["items"]], next_cursor=shown["next_cursor"])


def view_of(row: Row | Mapping[str, Any] | None) -> PaymentFileView:
    if row is None:
        raise PaymentFileUnknown()
    return PaymentFileView.model_validate({**dict(row), **progress_of(dict(row), clock.now())._asdict()})
