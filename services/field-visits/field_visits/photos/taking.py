"""Storing photos from the door. Each photo is redrawn, hashed and stored in a private place."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis import Conflict, PersonErased, Principal
from chassis.storage import FileStorage
from recobro_events import Database, Row
from recobro_events.contracts.field_visits import Position

from field_visits.photos import queries, rules
from field_visits.photos.redrawer import Redrawer, Redrawn
from field_visits.visits import reading
from field_visits.visits.positions import columns_of
from field_visits.visits.refusals import refuse_never_begun, refuse_too_early


class TooManyPhotos(Conflict):
    code = "too-many-photos"
    detail = (
        f"A visit may have at most {rules.MOST_PHOTOS} photos, and the visits of a contract may get at most"
        f" {rules.MOST_PHOTOS_IN_A_DAY} photos in 24 hours."
    )


@dataclass(frozen=True)
class Taken:
    """A photo as the phone sent it, with the time and position that the phone reported."""

    content: bytes
    at: datetime
    position: Position | None


async def take(
    database: Database, redrawer: Redrawer, storage: FileStorage, who: Principal, visit_id: UUID, taken: Taken
) -> Row:
    """Store a photo. If the visit has a photo from the same bytes already, return that photo.

    No database connection is held while the photo is redrawn and stored. A stored photo that is refused is deleted
    again.
    """
    upload_sha256 = hashlib.sha256(taken.content).digest()
    async with database.connection() as connection:
        visit = await reading.expect(connection, visit_id, who.agency_id)
        known: Row | None = await connection.fetchrow(queries.SENT_BEFORE, visit_id, upload_sha256)
        if known is not None:
            return known
        _refuse_at(visit, taken.at)
        if visit["photos"] >= rules.MOST_PHOTOS:
            raise TooManyPhotos()
    redrawn = await redrawer.redraw(taken.content)
    photo_id = uuid.uuid4()
    return await storage.store_with_row(
        photo_id,
        redrawn.content,
        lambda: _record(database, who, photo_id, visit_id, upload_sha256, redrawn, taken),
    )


def _refuse_at(visit: Row, at: datetime) -> None:
    refuse_never_begun(visit, at)
    refuse_too_early(visit, at, "/query/at")


async def _record(
    database: Database,
    who: Principal,
    photo_id: UUID,
    visit_id: UUID,
    upload_sha256: bytes,
    redrawn: Redrawn,
    taken: Taken,
) -> tuple[Row, bool]:
    """Return the photo's row and whether it is new. It is not new when the same bytes arrived twice at once."""
    async with database.transaction() as tx:
        visit = await reading.locked(tx, visit_id, who.agency_id)
        _refuse_at(visit, taken.at)
        if known := await tx.fetchrow(queries.SENT_BEFORE, visit_id, upload_sha256):
            return known, False
        if await tx.fetchval(queries.IS_ERASED, visit["contract_id"]):
            raise PersonErased()
        counts = await tx.fetchrow(queries.COUNTS, visit_id, visit["contract_id"])
        assert counts is not None
        if counts["of_visit"] >= rules.MOST_PHOTOS or counts["lately"] >= rules.MOST_PHOTOS_IN_A_DAY:
            raise TooManyPhotos()
        await tx.execute(
            queries.RECORD,
            photo_id,
            visit_id,
            upload_sha256,
            redrawn.sha256,
            len(redrawn.content),
            redrawn.width,
            redrawn.height,
            taken.at,
            *columns_of(taken.position),
            who.subject,
        )
        row = await tx.fetchrow(queries.PHOTO, photo_id, None)
    assert row is not None
    return row, True
