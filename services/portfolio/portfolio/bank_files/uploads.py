"""Receives banks' files of payments."""

from typing import NamedTuple
from uuid import UUID

from chassis import Conflict, FieldError, IdempotencyKey, Invalid
from recobro_events import Row, Transaction, new_event_id

from portfolio.bank_files import queries, views
from portfolio.bank_files.formats import PaymentFormat, format_of
from portfolio.bank_files.views import PaymentFileView, view_of
from portfolio.files.uploads import COPIES_DAYS, NO_CONTROLS, WAITING_FILES, Controls, Received
from portfolio.portfolios import portfolios
from portfolio.tabular.heads import HEAD_BYTES, PACKED, inspect_head
from portfolio.tabular.layouts import Layout
from portfolio.tabular.records import FileProblem

DEFAULT_CHANNEL = "bank"


class Sent(NamedTuple):
    """How a file is sent."""

    filename: str
    format: PaymentFormat | None = None
    channel: str = DEFAULT_CHANNEL
    controls: Controls = NO_CONTROLS
    dry_run: bool = False


def problem_of(received: Received, given: PaymentFormat | None) -> FileProblem | None:
    """Why the file cannot be read, as far as its first bytes show it. Packed files show it to the reader."""
    received.content.seek(0)
    first = received.content.read(HEAD_BYTES)
    if not first:
        return FileProblem("empty", "The file is empty. Export it again, and send it.")
    if first.startswith(PACKED) or (given or format_of(first)) is not PaymentFormat.TABLE:
        return None
    try:
        inspect_head(first, Layout(is_of_payments=True))
    except FileProblem as problem:
        return problem
    return None


async def queue(
    tx: Transaction, portfolio_id: UUID, sent: Sent, received: Received, key: IdempotencyKey
) -> tuple[PaymentFileView, bool]:
    """Queue the file behind the portfolio's others. Returns the file, and whether it was queued.

    The same bytes again are the stored file. A failed or tried file is queued again. Raises ``Invalid`` for a channel
    that the portfolio does not take, ``Conflict`` when too many files wait or when these bytes are being tried.
    """
    if key is not None:
        await key.claim(tx, received.sha256)
    # Of two equal uploads at once, the second waits for the first and finds the stored file.
    await tx.execute(queries.LOCK_IDENTITY, f"{portfolio_id}|{received.sha256.hex()}")
    same = await tx.fetchrow(queries.SAME, portfolio_id, received.sha256)
    if same is not None and not _is_asked_anew(same, sent):
        return await views.find(tx, same["file_id"]), False
    file_id = new_event_id() if same is None else same["file_id"]
    await tx.execute(queries.DELETE_PARTS, file_id)
    for number, part in enumerate(received.parts()):
        await tx.execute(queries.ADD_PART, file_id, number, part)
    portfolio = await _with_room(tx, portfolio_id)
    if sent.channel.lower() not in portfolio["payment_channels"]:
        mistake = FieldError("/query/channel", f"must be one of {', '.join(portfolio['payment_channels'])}")
        raise Invalid("The portfolio takes no payments of this channel.", errors=[mistake])
    how = (sent.filename, sent.format, sent.channel.lower(), *sent.controls, sent.dry_run)
    if same is None:
        row = await tx.fetchrow(queries.ADD_FILE, file_id, portfolio_id, received.sha256, received.size_bytes, *how)
    else:
        await tx.execute(queries.DELETE_REJECTS, file_id)
        await tx.execute(queries.DELETE_ROWS, file_id)
        row = await tx.fetchrow(queries.REQUEUE, file_id, *how)
    return view_of(row), True


def _is_asked_anew(known: Row, sent: Sent) -> bool:
    if known["status"] == "failed":
        return True
    if known["dry_run"] and not sent.dry_run and known["status"] != "loaded":
        raise BeingTried
    return bool(known["dry_run"] and known["status"] == "loaded")


async def _with_room(tx: Transaction, portfolio_id: UUID) -> Row:
    """Lock the portfolio, which can take one more file."""
    portfolio = await portfolios.locked(tx, portfolio_id)
    if await tx.fetchval(queries.WAITING, portfolio_id) >= WAITING_FILES:
        raise Conflict(f"{WAITING_FILES} payment files of this portfolio wait.", code="too-many-files")
    return portfolio


async def book_tried(tx: Transaction, file_id: UUID) -> PaymentFileView:
    """Queue a file that was tried, to be booked.

    Raises ``PaymentFileUnknown``, and ``Conflict`` for a file that is no dry run, that is being tried, or whose bytes
    are no longer kept.
    """
    named = await tx.fetchrow(queries.IDENTITY, file_id)
    if named is None:
        raise views.PaymentFileUnknown()
    # An upload of the same bytes takes the same lock.
    await tx.execute(queries.LOCK_IDENTITY, f"{named['portfolio_id']}|{named['sha256'].hex()}")
    await _with_room(tx, named["portfolio_id"])
    file = await tx.fetchrow(queries.LOCKED, file_id)
    assert file is not None
    if not file["dry_run"] or file["status"] == "failed":
        raise Conflict("This file was not tried, or it has been booked already.", code="nothing-to-book")
    if file["status"] != "loaded":
        raise BeingTried
    if not await tx.fetchval(queries.HAS_PARTS, file_id):
        raise Conflict(f"A tried file is kept for {COPIES_DAYS} days. Send it again.", code="file-expired")
    await tx.execute(queries.DELETE_REJECTS, file_id)
    await tx.execute(queries.DELETE_ROWS, file_id)
    return view_of(await tx.fetchrow(queries.BOOK_TRIED, file_id))


class BeingTried(Conflict):
    code = "being-tried"
    detail = "The dry run of this file has not ended yet."
