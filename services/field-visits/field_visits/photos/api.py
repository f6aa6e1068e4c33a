"""HTTP routes for photos."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from chassis import (
    TRANSFER,
    CurrentPrincipal,
    FieldError,
    Invalid,
    Moment,
    NotFound,
    OutputModel,
    Page,
    ReadConnection,
    Router,
    ServiceDatabase,
    Unavailable,
    body_limit,
    reads,
    writes,
)
from chassis.storage import FileStorage
from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import BeforeValidator, Field
from recobro_events import Row
from recobro_events.contracts.field_visits import Position

from field_visits.photos import queries, rules
from field_visits.photos.redrawer import Redrawer
from field_visits.photos.taking import Taken, take
from field_visits.visits import reading
from field_visits.visits.positions import position_of
from field_visits.visits.refusals import refuse_future

router = Router(prefix="/v1", tags=["photos"])
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,20})?", re.ASCII)
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": {"image/jpeg": _BINARY, "image/png": _BINARY}}}
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}


def _plain_number(value: object) -> object:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError("must be a number such as 19.432608")
    return value


_Number = Annotated[float, BeforeValidator(_plain_number)]
Latitude = Annotated[_Number, Field(ge=-90, le=90)]
Longitude = Annotated[_Number, Field(ge=-180, le=180)]
Accuracy = Annotated[_Number, Field(ge=0, le=1_000_000)]


class PhotoUnknown(NotFound):
    code = "photo-unknown"
    detail = "There is no such photo."


class Photo(OutputModel):
    """``sha256``, ``size_bytes``, ``width`` and ``height`` describe the stored photo, a JPEG without metadata."""

    photo_id: UUID
    visit_id: UUID
    sha256: str
    size_bytes: int
    width: int
    height: int
    taken_at: datetime
    position: Position | None
    recorded_at: datetime


def _shown(row: Row) -> Photo:
    return Photo(**{**row, "sha256": row["sha256"].hex()}, position=position_of(row))


@router.post(
    "/visits/{visit_id}/photos",
    status_code=201,
    dependencies=[writes("field-visits", agency=True), body_limit(rules.MOST_BYTES)],
    openapi_extra=_BODY,
)
async def add_photo(
    visit_id: UUID,
    request: Request,
    database: ServiceDatabase,
    who: CurrentPrincipal,
    permission: Annotated[
        str | None, Query(max_length=5, description="`true` states that the residents have agreed")
    ] = None,
    at: Annotated[Moment | None, Query(description="The time of the photo. Default: now")] = None,
    latitude: Annotated[Latitude | None, Query()] = None,
    longitude: Annotated[Longitude | None, Query()] = None,
    accuracy_metres: Annotated[Accuracy | None, Query()] = None,
) -> Photo:
    """Add a photo that was taken with permission. The raw body is a JPEG or PNG; it is stored without hidden data."""
    if permission != "true":
        mistake = FieldError("/query/permission", "must be true, because photos need permission")
        raise Invalid("There is no permission for this photo.", code="permission-needed", errors=[mistake])
    at = at or datetime.now(UTC)
    position = _position(latitude, longitude, accuracy_metres)
    refuse_future(at, "/query/at")
    redrawer: Redrawer = request.app.state.redrawer
    storage: FileStorage = request.app.state.photo_storage
    return _shown(await take(database, redrawer, storage, who, visit_id, Taken(await request.body(), at, position)))


def _position(latitude: float | None, longitude: float | None, accuracy_metres: float | None) -> Position | None:
    if latitude is None and longitude is None and accuracy_metres is None:
        return None
    if latitude is None or longitude is None:
        missing = "latitude" if latitude is None else "longitude"
        mistake = FieldError(f"/query/{missing}", "is required, because a position has a latitude and a longitude")
        raise Invalid("The position is incomplete.", errors=[mistake])
    return Position(latitude=latitude, longitude=longitude, accuracy_metres=accuracy_metres)


@router.get("/visits/{visit_id}/photos", dependencies=[reads("field-visits", agency=True)])
async def list_photos(visit_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Page[Photo]:
    """List the photos of a visit in the order in which they were taken. They are few, so there is one page."""
    await reading.expect_with_person(reader, visit_id, who.agency_id)
    return Page(items=[_shown(row) for row in await reader.fetch(queries.OF_VISIT, visit_id)], next_cursor=None)


@router.get(
    "/photos/{photo_id}",
    dependencies=[reads("field-visits", agency=True), TRANSFER],
    response_class=Response,
    responses=_JPEG,
)
async def read_photo(photo_id: UUID, request: Request, database: ServiceDatabase, who: CurrentPrincipal) -> Response:
    """Return the photo itself. 503 when its bytes have changed since it was stored."""
    async with database.connection() as connection:
        row = await connection.fetchrow(queries.PHOTO, photo_id, who.agency_id)
    if row is None:
        raise PhotoUnknown()
    storage: FileStorage = request.app.state.photo_storage
    content = await storage.fetch(photo_id)
    if hashlib.sha256(content).digest() != row["sha256"]:
        raise Unavailable("The stored bytes of the photo have changed.")
    headers = {"Content-Disposition": f'inline; filename="foto-{photo_id}.jpg"'}
    return Response(content, media_type="image/jpeg", headers=headers)
