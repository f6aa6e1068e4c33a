"""The events of an agency's topic over HTTP, for agencies that read no Kafka: the same bodies in the same order."""

import asyncio
import base64
import json
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from chassis import FieldError, Invalid, OutputModel, Problem, long_poll
from recobro_events import TRANSIENT_ERRORS, Database, Row, Transaction, step

from assignment.agencies import queries

KEPT_DAYS = 14
"""As long as an agency's topic keeps events."""
_STEP_ROWS = 5_000
_EVERY_SECONDS = 600.0
_POSITION_BYTES = 8
_BEFORE_ALL = -1
_log = structlog.get_logger(__name__)


class EventsExpired(Problem):
    status = 410
    code = "events-expired"
    detail = f"Events after this position are gone; they are kept for {KEPT_DAYS} days. Read on without a position."


class AgencyEvent(OutputModel):
    """An event of the agency's stream. ``data`` is its body; its JSON Schema has the name of ``type``."""

    position: str
    id: UUID
    type: str
    time: datetime
    data: dict[str, Any]


class AgencyEvents(OutputModel):
    """``next_position`` is the position of the last item, or the one sent when there is no item."""

    items: tuple[AgencyEvent, ...]
    next_position: str | None


def position_of(agency_id: UUID, number: int) -> str:
    """The position as agencies see it. It names its agency, so that no other one can use it."""
    return base64.urlsafe_b64encode(agency_id.bytes[-_POSITION_BYTES:] + number.to_bytes(_POSITION_BYTES)).decode()


def _number_of(agency_id: UUID, position: str | None) -> int:
    if position is None:
        return _BEFORE_ALL
    try:
        known = base64.b64decode(position.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError:
        known = b""
    number = int.from_bytes(known[_POSITION_BYTES:], signed=True)
    if len(known) != 2 * _POSITION_BYTES or number < 0 or position_of(agency_id, number) != position:
        raise _unknown()
    return number


def _unknown() -> Invalid:
    problem = FieldError("/query/after", "must be a position of this agency's events")
    return Invalid("The position does not belong to this stream.", code="cursor-unknown", errors=[problem])


async def read_events(
    database: Database, agency_id: UUID, after: str | None, limit: int, wait_seconds: float, stopping: asyncio.Event
) -> AgencyEvents:
    """Return the events after this position. Wait up to ``wait_seconds`` for the first one, without a connection.

    Raises ``Invalid`` (``cursor-unknown``) and ``EventsExpired``.
    """
    number = _number_of(agency_id, after)

    async def look() -> list[Row]:
        async with database.connection() as connection:
            if number != _BEFORE_ALL:
                [standing] = await connection.fetch(queries.POSITION, agency_id, number)
                if standing["is_expired"]:
                    raise EventsExpired()
                if not standing["is_known"]:
                    raise _unknown()
            found: list[Row] = await connection.fetch(queries.EVENTS, agency_id, number, limit)
        return found

    rows = await long_poll(
        look,
        asyncio.get_running_loop().create_future,
        until=bool,
        wait_seconds=wait_seconds,
        stopping=stopping,
    )
    items = tuple(
        AgencyEvent(
            position=position_of(agency_id, row["position"]),
            id=row["event_id"],
            type=row["type"],
            time=row["occurred_at"],
            data=json.loads(row["body"]),
        )
        for row in rows
    )
    return AgencyEvents(items=items, next_position=items[-1].position if items else after)


async def expire(database: Database) -> None:
    """Delete the events that are older than ``KEPT_DAYS``. The newest position of each agency stays known."""

    async def some(tx: Transaction) -> int:
        return int((await tx.execute(queries.EXPIRE_EVENTS, KEPT_DAYS, _STEP_ROWS)).rpartition(" ")[2])

    while await step(database, some) == _STEP_ROWS:
        pass


async def expire_for_ever(database: Database) -> None:
    """Let events expire until this is cancelled. A defect of ours is raised."""
    while True:
        try:
            await expire(database)
        except TRANSIENT_ERRORS:
            _log.warning("agency_events_not_expired", exc_info=True)
        await asyncio.sleep(_EVERY_SECONDS)
