"""Photos of visits: rows only, their bytes lie in the album."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis import Reader
from recobro_events import Row, Transaction

_PHOTO = """
SELECT photo.photo_id, photo.visit_id, photo.sha256, photo.bytes AS size_bytes, photo.width, photo.height,
    photo.taken_at, photo.latitude, photo.longitude, photo.accuracy_metres, photo.recorded_at
FROM photo JOIN visit USING (visit_id)
"""
_SENT_BEFORE = f"{_PHOTO} WHERE photo.visit_id = $1 AND photo.upload_sha256 = $2"
_COUNT = "SELECT count(*) FROM photo WHERE visit_id = $1"
_INSERT = """
INSERT INTO photo
    (photo_id, visit_id, upload_sha256, sha256, bytes, width, height, taken_at, latitude, longitude, accuracy_metres,
    recorded_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_OF_VISIT = f"{_PHOTO} WHERE photo.visit_id = $1 ORDER BY photo.taken_at, photo.photo_id"
_ONE = f"{_PHOTO} WHERE photo.photo_id = $1 AND ($2::uuid IS NULL OR visit.agency_id = $2)"


async def sent_before(reader: Reader, visit_id: UUID, upload_sha256: bytes) -> Row | None:
    """The photo of the visit that these very bytes were sent for."""
    return await reader.fetchrow(_SENT_BEFORE, visit_id, upload_sha256)


async def count(reader: Reader, visit_id: UUID) -> int:
    number: int = await reader.fetchval(_COUNT, visit_id)
    return number


async def insert(tx: Transaction, values: Sequence[Any]) -> None:
    await tx.execute(_INSERT, *values)


async def of_visit(reader: Reader, visit_id: UUID) -> list[Row]:
    return await reader.fetch(_OF_VISIT, visit_id)


async def photo(reader: Reader, photo_id: UUID, agency_id: UUID | None) -> Row | None:
    return await reader.fetchrow(_ONE, photo_id, agency_id)
