"""Receives banks' files of payments."""

from typing import NamedTuple
from uuid import UUID

from chassis import Conflict, FieldError, IdempotencyKey, Invalid
from recobro_events import Transaction, new_event_id

from portfolio.bank_files import queries, views
from portfolio.bank_files.formats import PaymentFormat, format_of
from portfolio.bank_files.views import PaymentFileView, view_of
from portfolio.files.uploads import NO_CONTROLS, WAITING_FILES, Controls, Received
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


def problem_of(received: Received, given: PaymentFormat | None) -> FileProblem | None:
    """Why the file cannot be read, as far as its first bytes show it. Packed files show it to the reader."""
    received.content.seek(0)
    first = received.content.read(HEAD_BYTES)
    if not first:
        return FileProblem("empty", "The file is empty.")
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

    The same bytes again are the stored file; a failed file is queued again. Raises ``Invalid`` for a channel that the
    portfolio does not take, ``Conflict`` when too many files wait.
    """
    if key is not None:
        await key.claim(tx, received.sha256)
    # Of two equal uploads at once, the second waits for the first and finds the stored file.
    await tx.execute(queries.LOCK_IDENTITY, f"{portfolio_id}|{received.sha256.hex()}")
    same = await tx.fetchrow(queries.SAME, portfolio_id, received.sha256)
    if same is not None and same["status"] != "failed":
        return await views.find(tx, same["file_id"]), False
    file_id = new_event_id() if same is None else same["file_id"]
    await tx.execute(queries.DELETE_PARTS, file_id)
    for number, part in enumerate(received.parts()):
        await tx.execute(queries.ADD_PART, file_id, number, part)
    portfolio = await portfolios.locked(tx, portfolio_id)
    if sent.channel.lower() not in portfolio["payment_channels"]:
        mistake = FieldError("/query/channel", f"must be one of {', '.join(portfolio['payment_channels'])}")
        raise Invalid("The portfolio takes no payments of this channel.", errors=[mistake])
    if await tx.fetchval(queries.WAITING, portfolio_id) >= WAITING_FILES:
        raise Conflict(f"{WAITING_FILES} payment files of this portfolio wait.", code="too-many-files")
    how = (sent.filename, sent.format, sent.channel.lower(), *sent.controls)
    if same is None:
        row = await tx.fetchrow(queries.ADD_FILE, file_id, portfolio_id, received.sha256, received.size_bytes, *how)
    else:
        await tx.execute(queries.DELETE_REJECTS, file_id)
        await tx.execute(queries.DELETE_ROWS, file_id)
        row = await tx.fetchrow(queries.REQUEUE, file_id, *how)
    return view_of(row), True
