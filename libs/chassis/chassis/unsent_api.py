"""Routes by which a person manages the events of a service that the log refused."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import Query
from pydantic import Field, model_validator
from recobro_events import unsent

from chassis.auth import CurrentPrincipal, reads, writes
from chassis.consumer_api import MAX_KEY_LENGTH, NewDiscard, ServiceConsumer
from chassis.models import InputModel, OutputModel, WholeParameter
from chassis.paging import Order, Page, PageQuery, page
from chassis.problems import NotFound
from chassis.routes import Router
from chassis.transactions import ReadConnection, WriteTransaction


class UnsentUnknown(NotFound):
    code = "unsent-unknown"
    detail = "No such event waits. It has been sent or discarded, or was never refused."


class UnsentEvent(OutputModel):
    """An event that the log refused, or that waits behind one of its key and lane; its ``error`` is then null.

    ``retry_at`` is set from the request for a retry until the relay has tried it.
    """

    unsent_id: int
    lane: str
    event_id: UUID
    type: str
    key: str
    topic: str
    occurred_at: datetime
    bytes: int
    error: str | None
    set_aside_at: datetime
    retries: int
    retry_at: datetime | None
    discarded_at: datetime | None
    discarded_by: str | None
    discard_reason: str | None


class WholeUnsentEvent(UnsentEvent):
    """An unsent event with its content, which may be personal data. The content is deleted after 30 days."""

    body: str | None


class NewRetry(InputModel):
    """Either a ``key``, or ``all`` keys."""

    key: Annotated[str | None, Field(max_length=MAX_KEY_LENGTH)] = None
    all: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.key is not None) == self.all:
            raise ValueError("must name either a key or all: true")
        return self


class Retry(OutputModel):
    """``events`` are to be sent again. Look at the unsent events some seconds later to see which are left."""

    events: int


class DiscardedEvent(OutputModel):
    """``waiting`` events of the key still wait for a retry."""

    unsent_id: int
    key: str
    waiting: int


async def list_unsent(
    query: PageQuery,
    reader: ReadConnection,
    key: Annotated[
        str | None,
        Query(max_length=MAX_KEY_LENGTH, description="Only events of this key. Default: events of all keys"),
    ] = None,
    *,
    discarded: Annotated[bool, Query(description="Include the events that a person has discarded")] = False,
) -> Page[UnsentEvent]:
    """Events that the log refused, oldest first. Their content is left out, since it may be personal data."""
    after, turned = query.after_number(), query.order is Order.DESC
    rows = await unsent.events(reader, after=after, key=key, discarded=discarded, limit=query.limit + 1, turned=turned)
    return page(rows, query, key=lambda row: (row["unsent_id"],))


async def read_unsent(unsent_id: WholeParameter, reader: ReadConnection) -> WholeUnsentEvent:
    """One event that the log refused, with its content. The content may be personal data."""
    try:
        return WholeUnsentEvent(**await unsent.event(reader, unsent_id))
    except unsent.UnsentUnknown:
        raise UnsentUnknown("There is no unsent event with this id.") from None


async def retry_unsent(new: NewRetry, tx: WriteTransaction) -> Retry:
    """Have the relay send the unsent events of the key again, in order, up to a refusal. It begins within seconds."""
    events = await unsent.retry(tx, new.key)
    if events == 0 and new.key is not None:
        raise UnsentUnknown()
    return Retry(events=events)


async def discard_unsent(
    unsent_id: WholeParameter, new: NewDiscard, who: CurrentPrincipal, tx: WriteTransaction, consumer: ServiceConsumer
) -> DiscardedEvent:
    """Discard this event, with a reason: it will never be sent. The events behind it still wait for a retry."""
    try:
        done = await unsent.discard(tx, consumer, unsent_id, by=who.subject, reason=new.reason)
    except unsent.UnsentUnknown:
        raise UnsentUnknown() from None
    return DiscardedEvent(unsent_id=unsent_id, key=done.key, waiting=done.waiting)


def router_of(service: str) -> Router:
    """Return these routes for a service. Agencies may not use them."""
    read, write = [reads(service)], [writes(service)]
    router = Router(prefix="/v1/unsent-events", tags=["unsent events"])
    router.get("", dependencies=read)(list_unsent)
    router.get("/{unsent_id}", dependencies=read)(read_unsent)
    router.post("/retry", status_code=202, dependencies=write)(retry_unsent)
    router.post("/{unsent_id}/discard", dependencies=write)(discard_unsent)
    return router
