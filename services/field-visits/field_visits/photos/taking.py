"""Photos at the door: taken with permission only, drawn anew, hashed, kept in private."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from chassis import Conflict, Principal
from recobro_events import Database, Row
from recobro_events.contracts.field_visits import Position

from field_visits.photos import queries
from field_visits.photos.album import Album, Drawn
from field_visits.visits import reading as visits

MOST_BYTES = 10 * 1024 * 1024
MOST_PHOTOS = 20


class TooManyPhotos(Conflict):
    code = "too-many-photos"
    detail = f"A visit may have {MOST_PHOTOS} photos."


@dataclass(frozen=True)
class Taken:
    """When and where a photo was taken, as the phone says."""

    at: datetime
    position: Position | None


async def take(database: Database, album: Album, who: Principal, visit_id: UUID, content: bytes, taken: Taken) -> Row:
    """Keep a photo. The same bytes sent again for the visit are the photo that is there already.

    No connection is held while it is drawn and stored; a photo whose row does not come to be is deleted again.
    """
    upload_sha256 = hashlib.sha256(content).digest()
    async with database.connection() as connection:
        visit = await visits.expect(connection, visit_id, who.agency_id)
        if known := await queries.sent_before(connection, visit_id, upload_sha256):
            return known
        visits.refuse_never_begun(visit, taken.at)
        if visit["photos"] >= MOST_PHOTOS:
            raise TooManyPhotos()
    drawn = await album.redraw(content)
    photo_id = uuid.uuid4()
    await album.keep(photo_id, drawn.content)
    kept = False
    try:
        row, kept = await _enter(database, who, photo_id, visit_id, upload_sha256, drawn, taken)
    finally:
        if not kept:
            await album.drop(photo_id)
    return row


async def _enter(
    database: Database,
    who: Principal,
    photo_id: UUID,
    visit_id: UUID,
    upload_sha256: bytes,
    drawn: Drawn,
    taken: Taken,
) -> tuple[Row, bool]:
    """The photo's row, and whether it is new: the same bytes may have come twice at the same time."""
    place = taken.position
    async with database.transaction() as tx:
        visits.refuse_never_begun(await visits.locked(tx, visit_id, who.agency_id), taken.at)
        if known := await queries.sent_before(tx, visit_id, upload_sha256):
            return known, False
        if await queries.count(tx, visit_id) >= MOST_PHOTOS:
            raise TooManyPhotos()
        await queries.insert(
            tx,
            (
                photo_id,
                visit_id,
                upload_sha256,
                drawn.sha256,
                len(drawn.content),
                drawn.width,
                drawn.height,
                taken.at,
                place and place.latitude,
                place and place.longitude,
                place and place.accuracy_metres,
                who.subject,
            ),
        )
        row = await queries.photo(tx, photo_id, None)
    assert row is not None
    return row, True


def now() -> datetime:
    return datetime.now(UTC)
