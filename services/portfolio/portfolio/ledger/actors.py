"""Who made a change, as stored with it."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from chassis import OutputModel
from pydantic import BeforeValidator

CURRENT_ACTOR = "nullif(current_setting('app.actor', true), '')::jsonb"
"""SQL: who makes the request that runs; null in a consumer and in background work."""


class Actor(OutputModel):
    """The person or program ``subject``, which may have acted ``on_behalf_of`` another."""

    subject: str
    client: str | None
    agency_id: UUID | None
    request_id: str | None
    on_behalf_of: str | None


def _actor_of(stored: Mapping[str, Any] | Actor | None) -> Actor | None:
    if stored is None or isinstance(stored, Actor):
        return stored
    delegate = stored.get("delegate")
    return Actor(
        subject=delegate or stored["subject"],
        client=stored.get("client"),
        agency_id=stored.get("agency_id"),
        request_id=stored.get("request_id"),
        on_behalf_of=stored["subject"] if delegate else None,
    )


ActorOfChange = Annotated[Actor | None, BeforeValidator(_actor_of)]
"""Who made a change, read from a column; null where an event or time alone has made it."""
