"""Portfolio files: receiving, storing, listing and confirming them."""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import IO, Annotated, Any, NamedTuple
from uuid import UUID

from chassis import (
    Conflict,
    IdempotencyKey,
    InputModel,
    Invalid,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    Reader,
    ShortText,
    clock,
    page,
)
from pydantic import Field
from recobro_events import MoneyTotal, Row, Transaction, new_event_id

from portfolio import metrics
from portfolio.files import queries
from portfolio.files.inspecting import Look
from portfolio.files.profiles import NO_PROFILE, ProfileVersion
from portfolio.files.progress import Phase, progress_of
from portfolio.ledger.actors import ActorOfChange
from portfolio.portfolios import portfolios
from portfolio.portfolios.portfolios import DeltaRows
from portfolio.tabular.code_pages import CodePage

MAX_FILE_BYTES = 256 * 1024 * 1024
COPIES_DAYS = 30
"""Rejected rows are copies of personal data. They expire, and with them what they could complete."""
PART_BYTES = 1024 * 1024
_IN_MEMORY_BYTES = 1024 * 1024
WAITING_FILES = 100
"""Files of one portfolio that wait for their turn or for a confirmation."""


class Controls(NamedTuple):
    """What the file must add up to, as its sender says."""

    rows: int | None = None
    amount: Decimal | None = None


NO_CONTROLS = Controls()


class FileUnknown(NotFound):
    code = "file-unknown"
    detail = "There is no file with this id."


class Mode(StrEnum):
    """``snapshot`` also closes the open contracts that it does not name. ``amend`` removes no instalment."""

    DELTA = "delta"
    SNAPSHOT = "snapshot"
    AMEND = "amend"


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

    A ``dry_run`` changes nothing: it ends as ``loaded``, and the counts from ``would_register`` to ``would_set_aside``
    say what the file would do. ``rows_done`` are the rows read in the phase ``reading`` and the rows applied later;
    ``seconds_left`` is an estimate, null while there is none. ``profile_version`` is the version of the profile with
    which the file is read.
    """

    file_id: UUID
    portfolio_id: UUID
    filename: str
    mode: Mode
    amends: UUID | None
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
    dry_run: bool
    would_register: int
    would_revise: int
    would_close: int
    would_set_aside: int
    profile_id: UUID | None
    profile_version: int | None
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
    confirmed_by: ActorOfChange


MOST_CONTRACTS = 5_000
"""Contracts about which one request decides. While ``undecided`` of the file is above 0, it is sent again."""


class Confirmation(InputModel):
    """The answer to a file that waits, or to the contracts that a loaded file has set aside.

    ``contracts`` names some of these contracts, by id or by number; without it all are meant. ``code_page`` is the
    answer to a file that waits for it. ``remember``: the rows of the portfolio's next deltas are all that a contract
    owes; with a code page: the portfolio's next files are in it where it reads best.
    """

    accept: bool
    contracts: Annotated[list[ShortText], Field(min_length=1, max_length=MOST_CONTRACTS)] | None = None
    remember: bool = False
    code_page: CodePage | None = None


@dataclass(frozen=True)
class Identity:
    """Two uploads are the same file when they have the same bytes, portfolio, mode and date, amend the same file, and
    are read with the same version of a profile. A dry run is not the same as a load.

    ``root`` is the file that was loaded first: that which ``amends`` amends in its turn, else ``amends``.
    """

    portfolio_id: UUID
    sha256: bytes
    mode: Mode
    as_of: date
    amends: UUID | None = None
    root: UUID | None = None
    dry_run: bool = False
    profile: ProfileVersion = NO_PROFILE

    def __str__(self) -> str:
        same = (self.portfolio_id, self.sha256.hex(), self.mode, self.as_of, self.amends)
        return "|".join(map(str, ("file", *same, self.dry_run, *self.profile[:2])))


@dataclass(frozen=True)
class Received:
    """A request body that has arrived completely."""

    content: IO[bytes]
    size_bytes: int
    sha256: bytes

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
    digest, size = hashlib.sha256(), 0
    async for chunk in stream:
        into.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    return Received(into, size, digest.digest())


async def identify(reader: Reader, identity: Identity, look: Look, as_of: date | None, amends: UUID | None) -> Identity:
    """Return which file this is. A file of rejected rows amends the file that it names, also in mode ``delta``.

    Raises ``Invalid`` when it is not clear what is amended, ``Conflict`` when that file cannot be amended (any more).
    """
    if identity.mode is not Mode.AMEND and amends is None and not look.is_rejects:
        return identity
    if identity.mode is Mode.SNAPSHOT:
        detail = (
            "Corrected rows of a file amend it. They are no snapshot: the contracts that they do not name stay open."
        )
        raise Invalid(detail, code="amendment-as-snapshot")
    named = amends or _named(look)
    file = await reader.fetchrow(queries.AMENDED, named, COPIES_DAYS)
    if file is None or file["portfolio_id"] != identity.portfolio_id:
        raise Invalid(f"This portfolio has no file {named}.", code="amends-unknown")
    if as_of is not None and as_of != file["as_of"]:
        detail = f"The file that is amended is as of {file['as_of']}, and so is its amendment. Leave as_of out."
        raise Invalid(detail, code="as-of-of-amended-file")
    if file["dry_run"]:
        raise Conflict(f"The file {named} was a dry run. Correct its rows in the file itself.", code="not-loaded")
    if file["status"] != "loaded":
        raise Conflict(
            f"The status of the file {named} is {file['status']}. Only a loaded file can be amended.", code="not-loaded"
        )
    if file["expired"]:
        raise Conflict(f"Rejected rows are kept for {COPIES_DAYS} days.", code="rejects-expired")
    return replace(identity, mode=Mode.AMEND, as_of=file["as_of"], amends=named, root=file["root"])


def _named(look: Look) -> UUID:
    try:
        return UUID(look.names_file or "")
    except ValueError:
        detail = "Say which file is amended: by amends=FILE_ID, or in the column file_id of the rows."
        raise Invalid(detail, code="amends-unknown") from None


async def queue(
    tx: Transaction,
    identity: Identity,
    filename: str,
    received: Received,
    key: IdempotencyKey,
    rows: DeltaRows | None = None,
    controls: Controls = NO_CONTROLS,
    *,
    day_is_meant: bool = True,
) -> tuple[FileView, bool]:
    """Queue the file behind the portfolio's others. Returns the file, and whether it was queued.

    A repeated upload returns the stored file; a failed file and a dry run are queued again. A file whose day is far
    ahead waits for a person until ``day_is_meant``, which a repeated upload may say. Raises ``Conflict`` when a file of
    a later day has been loaded, or too many files wait.
    """
    if key is not None:
        await key.claim(tx, received.sha256)
    # Of two equal uploads at once, the second waits for the first and finds the stored file.
    await tx.execute(queries.LOCK_IDENTITY, str(identity))
    same = await tx.fetchrow(
        queries.SAME,
        *(identity.portfolio_id, identity.sha256, identity.mode, identity.as_of, identity.amends),
        *(identity.dry_run, *identity.profile[:2]),
    )
    again = "failed" if not identity.dry_run else ("failed", "loaded")
    if same is not None and same["status"] not in again:
        accepted = day_is_meant and await tx.fetchval(queries.ACCEPT_DAY, same["file_id"]) is not None
        return await find(tx, same["file_id"]), accepted
    file_id = new_event_id() if same is None else same["file_id"]
    await tx.execute(queries.DELETE_PARTS, file_id)
    for number, part in enumerate(received.parts()):
        await tx.execute(queries.ADD_PART, file_id, number, part)
    await portfolios.locked(tx, identity.portfolio_id)
    if identity.mode is not Mode.AMEND:
        await refuse_older(tx, identity.portfolio_id, identity.as_of)
    if await tx.fetchval(queries.WAITING, identity.portfolio_id) >= WAITING_FILES:
        raise Conflict(
            f"{WAITING_FILES} files of this portfolio wait. Confirm or refuse the first one, or wait for it.",
            code="too-many-files",
        )
    if same is not None:
        await tx.execute(queries.DELETE_REJECTS, file_id)
        await tx.execute(queries.DELETE_FINDINGS, file_id)
        row = await tx.fetchrow(queries.REQUEUE, file_id, filename, rows, *controls)
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
            identity.amends,
            identity.root,
            identity.dry_run,
            *identity.profile[:2],
            *controls,
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
    reader: Reader,
    query: PageQuery,
    portfolio_id: UUID | None,
    status: FileStatus | None,
    undecided: bool | None = None,
    finished_on: date | None = None,
) -> Page[Any]:
    """Return a page of files in the order of upload, of one portfolio or of all, with this status or any.

    ``undecided``: only files of which contracts wait for a decision, or only the others. ``finished_on``: only files
    that were loaded or failed on that day of their portfolio's zone.
    """
    if portfolio_id is not None:
        await portfolios.find(reader, portfolio_id)
    rows = await reader.fetch(
        queries.FILES[query.order], portfolio_id, status, query.after(int), query.limit + 1, undecided, finished_on
    )
    shown = page(rows, query, key=lambda row: (row["sequence"],))
    return Page(items=[_view(item) for item in shown["items"]], next_cursor=shown["next_cursor"])


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


def _view(row: Row | Mapping[str, Any] | None) -> FileView:
    if row is None:
        raise FileUnknown()
    told = progress_of(dict(row), clock.now())
    aside = row["set_aside"] if row["dry_run"] else 0
    return FileView.model_validate({**dict(row), **told._asdict(), "would_set_aside": aside})
