"""Portfolio files: receiving, storing, listing and confirming them."""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from typing import IO, Annotated, Any
from uuid import UUID

from chassis import (
    Conflict,
    IdempotencyKey,
    InputModel,
    Invalid,
    NotFound,
    OrderedPageQuery,
    OutputModel,
    Page,
    Reader,
    ShortText,
    page,
)
from pydantic import Field
from recobro_events import MoneyTotal, Row, Transaction, new_event_id

from portfolio import metrics
from portfolio.files import queries
from portfolio.ledger.actors import ActorOfChange
from portfolio.portfolios import portfolios
from portfolio.portfolios.portfolios import DeltaRows
from portfolio.tabular.code_pages import CodePage
from portfolio.tabular.csv import HEAD_BYTES, inspect_head
from portfolio.tabular.records import FileProblem

MAX_FILE_BYTES = 256 * 1024 * 1024
PART_BYTES = 1024 * 1024
_IN_MEMORY_BYTES = 1024 * 1024
WAITING_FILES = 100
"""Files of one portfolio that wait for their turn or for a confirmation."""
_REJECTS = (
    "This file has columns of a file of rejected rows. A contract would lose all its other rows. If the file has all "
    "rows of its contracts, take off the columns row_number, errors and file_id."
)


class FileUnknown(NotFound):
    code = "file-unknown"
    detail = "There is no file with this id."


class Mode(StrEnum):
    """``snapshot`` also closes the open contracts that it does not name."""

    DELTA = "delta"
    SNAPSHOT = "snapshot"


class FileStatus(StrEnum):
    RECEIVED = "received"
    READING = "reading"
    NEEDS_CONFIRMATION = "needs_confirmation"
    LOADING = "loading"
    LOADED = "loaded"
    FAILED = "failed"


class ConfirmationReason(StrEnum):
    """Why a file waits for a person: it closes many contracts, is of a day to come, repeats an earlier file with a
    payment in between, or its characters can be read in two ways."""

    CLOSES_MANY = "closes_many"
    FUTURE_DATE = "future_date"
    REPEATED_FIGURES = "repeated_figures"
    CODE_PAGE = "code_page"


_REFUSED = {
    ConfirmationReason.CLOSES_MANY: "An operator did not confirm that {contracts_to_close} contracts are closed.",
    ConfirmationReason.REPEATED_FIGURES: "An operator did not confirm that the figures of {as_of} are those of an"
    " earlier day.",
    ConfirmationReason.FUTURE_DATE: "An operator did not confirm that the file is of {as_of}.",
}


class CodePageReading(OutputModel):
    """Words of the file, as they are in this code page."""

    code_page: CodePage
    words: list[str]


class FileView(OutputModel):
    """The state of a file.

    ``error`` is the reason of a failure. ``contracts_to_close`` counts the contracts that a snapshot would close.
    ``confirmation_reason`` is why the file waits for a person, or waited. While that is ``code_page``, ``code_pages``
    shows words of the file in each code page, the best one first; ``code_page`` is what a person answered. The counts
    from ``in_posting`` to ``person_changed`` are those of the file's findings. ``undecided`` counts the contracts that
    the file set aside and about which nobody has decided yet.
    """

    file_id: UUID
    portfolio_id: UUID
    filename: str
    mode: Mode
    as_of: date
    size_bytes: int
    status: FileStatus
    rows_read: int | None
    rows_accepted: int | None
    rows_rejected: int | None
    contracts: int | None
    contracts_incomplete: int | None
    contracts_to_close: int | None
    amount_accepted: MoneyTotal | None
    confirmation_reason: ConfirmationReason | None
    code_page: CodePage | None
    code_pages: list[CodePageReading] | None
    in_posting: int
    differs: int
    unposted: int
    set_aside: int
    undecided: int
    file_payments: int
    kept_decisions: int
    person_changed: int
    error_code: str | None
    error: str | None
    received_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    uploaded_by: ActorOfChange
    confirmed_by: ActorOfChange


class Confirmation(InputModel):
    """The answer to a file that waits, or to the contracts that a loaded file has set aside.

    ``contracts`` names some of these contracts, by id or by number; without it all are meant. ``code_page`` is the
    answer to a file that waits for it. ``remember``: the rows of the portfolio's next deltas are all that a contract
    owes; with a code page: the portfolio's next files are in it where it reads best.
    """

    accept: bool
    contracts: Annotated[list[ShortText], Field(min_length=1, max_length=1000)] | None = None
    remember: bool = False
    code_page: CodePage | None = None


@dataclass(frozen=True)
class Identity:
    """Two uploads are the same file when they have the same bytes, portfolio, mode and date."""

    portfolio_id: UUID
    sha256: bytes
    mode: Mode
    as_of: date

    def __str__(self) -> str:
        return f"file|{self.portfolio_id}|{self.sha256.hex()}|{self.mode}|{self.as_of}"


@dataclass(frozen=True)
class Received:
    """A request body that has arrived completely. ``is_rejects``: it has the columns of a file of rejected rows."""

    content: IO[bytes]
    size_bytes: int
    sha256: bytes
    is_rejects: bool = False

    def parts(self) -> Iterable[bytes]:
        self.content.seek(0)
        while part := self.content.read(PART_BYTES):
            yield part


@contextmanager
def spooled() -> Iterator[IO[bytes]]:
    """A file for an arriving body, first in memory, then on disk. It is deleted at the end."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file:
        yield file


async def receive(stream: AsyncIterator[bytes], into: IO[bytes]) -> Received:
    """Receive the body and check its head. Raises ``Invalid`` when it cannot be a portfolio file."""
    digest, size = hashlib.sha256(), 0
    async for chunk in stream:
        into.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    into.seek(0)
    try:
        head = inspect_head(into.read(HEAD_BYTES))
    except FileProblem as problem:
        raise Invalid(problem.detail, code=problem.code.replace("_", "-")) from problem
    return Received(into, size, digest.digest(), is_rejects=bool(head.ours))


async def queue(
    tx: Transaction,
    identity: Identity,
    filename: str,
    received: Received,
    key: IdempotencyKey,
    rows: DeltaRows | None = None,
    *,
    day_is_meant: bool = True,
) -> tuple[FileView, bool]:
    """Queue the file behind the portfolio's others. Returns the file, and whether it was queued.

    A repeated upload returns the stored file; a failed file is queued again. A file whose day is far ahead waits for a
    person until ``day_is_meant``, which a repeated upload may say. Raises ``Conflict`` when a file of a later day has
    been loaded, or too many files wait, and ``Invalid`` for rejected rows, which are not all rows of their contracts.
    """
    if received.is_rejects:
        raise Invalid(_REJECTS, code="rejected-rows")
    if key is not None:
        await key.claim(tx, received.sha256)
    # Of two equal uploads at once, the second waits for the first and finds the stored file.
    await tx.execute(queries.LOCK_IDENTITY, str(identity))
    same = await tx.fetchrow(queries.SAME, identity.portfolio_id, identity.sha256, identity.mode, identity.as_of)
    if same is not None and same["status"] != "failed":
        accepted = day_is_meant and await tx.fetchval(queries.ACCEPT_DAY, same["file_id"]) is not None
        return await find(tx, same["file_id"]), accepted
    file_id = new_event_id() if same is None else same["file_id"]
    await tx.execute(queries.DELETE_PARTS, file_id)
    for number, part in enumerate(received.parts()):
        await tx.execute(queries.ADD_PART, file_id, number, part)
    await portfolios.locked(tx, identity.portfolio_id)
    await refuse_older(tx, identity.portfolio_id, identity.as_of)
    if await tx.fetchval(queries.WAITING, identity.portfolio_id) >= WAITING_FILES:
        raise Conflict(
            f"{WAITING_FILES} files of this portfolio wait. Confirm or refuse the first one, or wait for it.",
            code="too-many-files",
        )
    if same is not None:
        await tx.execute(queries.DELETE_REJECTS, file_id)
        await tx.execute(queries.DELETE_FINDINGS, file_id)
        row = await tx.fetchrow(queries.REQUEUE, file_id, filename, rows)
    else:
        row = await tx.fetchrow(
            queries.ADD_FILE,
            file_id,
            identity.portfolio_id,
            filename,
            identity.mode,
            identity.as_of,
            identity.sha256,
            received.size_bytes,
            rows,
        )
    if not day_is_meant:
        row = await tx.fetchrow(queries.ASK_FOR_DAY, file_id)
    return _view(row), True


async def refuse_older(tx: Transaction, portfolio_id: UUID, as_of: date) -> None:
    """Raise ``Conflict`` when a file of a later day has been loaded."""
    newest = await tx.fetchval(queries.NEWER_LOADED, portfolio_id, as_of)
    if newest is not None:
        raise Conflict(
            f"This file is as of {as_of}, but a file as of {newest} has been loaded.",
            code="older-file",
            extra={"as_of": as_of, "loaded_as_of": newest},
        )


async def find(reader: Reader, file_id: UUID) -> FileView:
    """Return the file. Raises ``FileUnknown``."""
    return _view(await reader.fetchrow(queries.FILE, file_id))


async def listed(
    reader: Reader, query: OrderedPageQuery, portfolio_id: UUID | None, status: FileStatus | None
) -> Page[Any]:
    """Return a page of files in the order of upload, of one portfolio or of all, with this status or any."""
    if portfolio_id is not None:
        await portfolios.find(reader, portfolio_id)
    rows = await reader.fetch(queries.FILES[query.order], portfolio_id, status, query.after(int), query.limit + 1)
    shown = page(rows, query, key=lambda row: (row["sequence"],))
    return Page(items=[FileView.model_validate(item) for item in shown["items"]], next_cursor=shown["next_cursor"])


async def confirm(tx: Transaction, file_id: UUID, confirmation: Confirmation) -> FileView:
    """Accept or refuse a file that waits for it. A refused file fails. A repeated answer changes nothing."""
    portfolio_id = await tx.fetchval(queries.PORTFOLIO_OF, file_id)
    if portfolio_id is None:
        raise FileUnknown()
    await portfolios.locked(tx, portfolio_id)
    file = await tx.fetchrow(queries.LOCKED, file_id)
    assert file is not None
    if file["confirmed"] is not None and file["confirmed"] == confirmation.accept:
        return await find(tx, file_id)
    day_was_accepted = (
        file["confirmation_reason"] == ConfirmationReason.FUTURE_DATE and file["confirmed_by"] is not None
    )
    if file["status"] != "needs_confirmation" and confirmation.accept and day_was_accepted:
        return await find(tx, file_id)
    if file["status"] != "needs_confirmation":
        raise Conflict(
            f"There is nothing to confirm: the status of this file is {file['status']}.", code="nothing-to-confirm"
        )
    if confirmation.accept:
        if await tx.fetchval(queries.ACCEPT_DAY, file_id) is None:
            await tx.execute(queries.ACCEPT, file_id)
    else:
        await tx.execute(queries.REFUSE, file_id)
        detail = _REFUSED.get(file["confirmation_reason"], _REFUSED[ConfirmationReason.CLOSES_MANY])
        detail = detail.format(**dict(file))
        seconds = await tx.fetchval(queries.FAIL, file_id, "not_confirmed", detail)
        tx.after_commit(partial(metrics.file_ended, "refused", seconds))
    return await find(tx, file_id)


def _view(row: Row | None) -> FileView:
    if row is None:
        raise FileUnknown()
    return FileView.model_validate(dict(row))
