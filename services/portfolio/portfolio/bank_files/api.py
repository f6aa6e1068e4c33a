"""Banks' files of payments over HTTP."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from chassis import (
    Day,
    IdempotencyKey,
    Invalid,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    ServiceDatabase,
    ShortText,
    WholeParameter,
    WriteTransaction,
    reads,
    streamed_body,
    writes,
)
from chassis.audit import reads_in_bulk
from chassis.languages import ReaderLocale
from chassis.problem_types import also_answers
from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from recobro_events import MoneyTotal

from portfolio.bank_files import rejects, uploads, views
from portfolio.bank_files.formats import PaymentFormat
from portfolio.bank_files.rejects import RejectedPaymentRows, said
from portfolio.bank_files.uploads import DEFAULT_CHANNEL, Sent
from portfolio.bank_files.views import PaymentFileStatus, PaymentFileView
from portfolio.files.answers import ANY_FILE, all_worded, language_of, of_rejects, worded
from portfolio.files.uploads import MAX_FILE_BYTES, Controls, receive, spooled
from portfolio.portfolios import portfolios

router = Router(prefix="/v1", tags=["payment files"])


@dataclass(frozen=True)
class PaymentUpload:
    """How a bank's file is sent."""

    filename: Annotated[ShortText | None, Query()] = None
    format: Annotated[PaymentFormat | None, Query(description="What the file is. Default: what its content shows")] = (
        None
    )
    channel: Annotated[ShortText, Query(description="The channel of rows that name none")] = DEFAULT_CHANNEL
    dry_run: Annotated[bool, Query(description="Say what the file would do, and book nothing")] = False
    control_rows: Annotated[
        WholeParameter | None,
        Query(ge=0, le=100_000_000, description="The payments and reversals that the file must have"),
    ] = None
    control_amount: Annotated[
        MoneyTotal | None,
        Query(description="What the amounts must add up to; reversals are added or taken off, either way"),
    ] = None


@router.post(
    "/portfolios/{portfolio_id}/payment-files",
    status_code=202,
    responses={200: {"model": PaymentFileView, "description": "The portfolio already has this file: the same bytes"}},
    dependencies=[writes("portfolio"), streamed_body(MAX_FILE_BYTES)],
    openapi_extra=ANY_FILE,
)
@also_answers(
    422,
    *("empty", "unsupported-type", "bad-header", "no-header", "too-wide", "missing-columns", "repeated-columns"),
)
async def upload_payment_file(
    portfolio_id: UUID,
    request: Request,
    response: Response,
    database: ServiceDatabase,
    key: IdempotencyKey,
    locale: ReaderLocale,
    options: Annotated[PaymentUpload, Depends()],
) -> PaymentFileView:
    """Upload a bank's file of payments as the raw body: a table (CSV, XLSX, Parquet), camt.053 or MT940.

    It may be packed as gzip or alone in a ZIP archive. Files are booked after this answer, in the order of upload. Each
    channel and reference counts once while it is not reversed. ``dry_run`` says what the file would do.
    """
    async with database.connection() as connection:
        await portfolios.find(connection, portfolio_id)
    with spooled() as spool:
        received = await receive(request.stream(), spool)
        problem = uploads.problem_of(received, options.format)
        if problem is not None:
            detail = said(problem.detail, language_of(locale))
            raise Invalid(detail, code=problem.code.replace("_", "-")) from problem
        controls = Controls(options.control_rows, options.control_amount)
        sent = Sent(options.filename or "payments", options.format, options.channel, controls, options.dry_run)
        async with database.transaction() as tx:
            file, queued = await uploads.queue(tx, portfolio_id, sent, received, key)
    if queued:
        request.app.state.bank_loader.wake()
    else:
        response.status_code = 200
    return worded(file, said, locale, response)


@router.post("/payment-files/{file_id}/booking", status_code=202, dependencies=[writes("portfolio")])
@also_answers(409, "nothing-to-book", "being-tried", "file-expired", "too-many-files")
async def book_tried_file(
    file_id: UUID, request: Request, tx: WriteTransaction, locale: ReaderLocale, response: Response
) -> PaymentFileView:
    """Book a file that a dry run has tried. It is read again, and booked in its turn."""
    file = await uploads.book_tried(tx, file_id)
    tx.after_commit(request.app.state.bank_loader.wake)
    return worded(file, said, locale, response)


@router.get("/portfolios/{portfolio_id}/payment-files", dependencies=[reads("portfolio")])
async def list_payment_files(
    portfolio_id: UUID,
    connection: ReadConnection,
    query: PageQuery,
    locale: ReaderLocale,
    response: Response,
    status: PaymentFileStatus | None = None,
) -> Page[PaymentFileView]:
    """List a portfolio's payment files in the order of upload."""
    return all_worded(await views.listed(connection, query, portfolio_id, status), said, locale, response)


@router.get("/payment-files", dependencies=[reads("portfolio")])
async def list_all_payment_files(
    connection: ReadConnection,
    query: PageQuery,
    locale: ReaderLocale,
    response: Response,
    status: PaymentFileStatus | None = None,
    portfolio_id: UUID | None = None,
    finished_on: Annotated[
        Day | None, Query(description="Only files that were loaded or failed on this day of the portfolio's zone")
    ] = None,
) -> Page[PaymentFileView]:
    """List the payment files of all portfolios in the order of upload."""
    return all_worded(await views.listed(connection, query, portfolio_id, status, finished_on), said, locale, response)


@router.get("/payment-files/{file_id}", dependencies=[reads("portfolio")])
async def read_payment_file(
    file_id: UUID, connection: ReadConnection, locale: ReaderLocale, response: Response
) -> PaymentFileView:
    """Read the state of a payment file: how far it is, what became of its rows, and why it failed."""
    return worded(await views.find(connection, file_id), said, locale, response)


@router.get(
    "/payment-files/{file_id}/rejects",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}}},
    dependencies=[reads("portfolio"), reads_in_bulk()],
)
async def read_payment_rejects(file_id: UUID, database: ServiceDatabase, locale: ReaderLocale) -> Response:
    """Download the rejected rows as CSV: row number, every problem, the file's columns, and the file's id.

    Corrected rows are sent as a new payment file.
    """
    pages = await rejects.as_csv(database, file_id, locale)
    headers = of_rejects(file_id, "csv", locale)
    return StreamingResponse(pages, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/payment-files/{file_id}/rejected-rows", dependencies=[reads("portfolio"), reads_in_bulk()])
async def list_rejected_payments(
    file_id: UUID, connection: ReadConnection, query: PageQuery, locale: ReaderLocale
) -> RejectedPaymentRows:
    """List the rejected rows in the order of the file, cell by cell, with every reason."""
    return await rejects.listed(connection, file_id, query, locale)
