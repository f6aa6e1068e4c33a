"""Portfolio files: receiving, storing, listing and confirming them."""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import IO, NamedTuple
from uuid import UUID

from chassis import (
    Conflict,
    IdempotencyKey,
    Invalid,
    Reader,
)
from recobro_events import Transaction, new_event_id

from portfolio import metrics
from portfolio.files import queries, views
from portfolio.files.inspecting import Look
from portfolio.files.profiles import NO_PROFILE, ProfileVersion
from portfolio.files.views import Confirmation, ConfirmationReason, FileUnknown, FileView, Mode, view_of
from portfolio.portfolios import portfolios
from portfolio.portfolios.portfolios import DeltaRows

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


_REFUSED = {
    ConfirmationReason.CLOSES_MANY: "An operator did not confirm that {contracts_to_close} contracts are closed.",
    ConfirmationReason.REPEATED_FIGURES: "An operator did not confirm that the figures of {as_of} are those of an"
    " earlier day.",
    ConfirmationReason.FUTURE_DATE: "An operator did not confirm that the file is of {as_of}.",
}


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
        return await views.find(tx, same["file_id"]), accepted
    file_id = new_event_id() if same is None else same["file_id"]
    await tx.execute(queries.DELETE_PARTS, file_id)
    for number, part in enumerate(received.parts()):
        await tx.execute(queries.ADD_PART, file_id, number, part)
    portfolio = await portfolios.locked(tx, identity.portfolio_id)
    if portfolio["returned_at"] is not None:
        raise Conflict("The creditor has taken this portfolio back. It takes no files.", code="portfolio-returned")
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
    return view_of(row), True


async def refuse_older(tx: Transaction, portfolio_id: UUID, as_of: date) -> None:
    """Raise ``Conflict`` when a file of a later day has been loaded."""
    newest = await tx.fetchval(queries.NEWER_LOADED, portfolio_id, as_of)
    if newest is not None:
        raise Conflict(
            f"This file is as of {as_of}, but a file as of {newest} has been loaded.",
            code="older-file",
            extra={"as_of": as_of, "loaded_as_of": newest},
        )


async def confirm(tx: Transaction, file_id: UUID, confirmation: Confirmation) -> FileView:
    """Accept or refuse a file that waits for it. A refused file fails. A repeated answer changes nothing."""
    portfolio_id = await tx.fetchval(queries.PORTFOLIO_OF, file_id)
    if portfolio_id is None:
        raise FileUnknown()
    await portfolios.locked(tx, portfolio_id)
    file = await tx.fetchrow(queries.LOCKED, file_id)
    assert file is not None
    if file["confirmed"] is not None and file["confirmed"] == confirmation.accept:
        return await views.find(tx, file_id)
    day_was_accepted = (
        file["confirmation_reason"] == ConfirmationReason.FUTURE_DATE and file["confirmed_by"] is not None
    )
    if file["status"] != "needs_confirmation" and confirmation.accept and day_was_accepted:
        return await views.find(tx, file_id)
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
    return await views.find(tx, file_id)
