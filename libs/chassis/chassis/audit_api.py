"""The route by which an auditor reads who changed what."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from chassis.auth import reads
from chassis.models import OutputModel
from chassis.paging import Page, PageQuery, both_orders, page
from chassis.routes import Router
from chassis.transactions import ReadConnection

_ENTRIES = both_orders("""
SELECT entry_id, occurred_at, actor, method, route, path, status, objects
FROM audit_entry
WHERE entry_id {beyond} $1 AND ($2::uuid IS NULL OR objects @> ARRAY[$2::uuid])
    AND ($3::text IS NULL OR actor ->> 'subject' = $3)
    AND ($4::timestamptz IS NULL OR occurred_at >= $4) AND ($5::timestamptz IS NULL OR occurred_at < $5)
ORDER BY entry_id {order} LIMIT $6
""")


class AuditEntry(OutputModel):
    """One request that changed something, or that read personal data of many.

    ``actor`` holds ``subject``, and where there are any ``client``, ``agency_id``, ``delegate`` (who acts for the
    subject), ``token_id`` and ``request_id``. ``objects`` are the ids in the path and in the answer. ``status`` is null
    in an entry that was written before its work began; a second entry follows when the work is done.
    """

    entry_id: int
    occurred_at: datetime
    actor: dict[str, Any]
    method: str
    route: str
    path: str
    status: int | None
    objects: list[UUID]


async def list_audit_entries(
    query: PageQuery,
    reader: ReadConnection,
    object_id: Annotated[UUID | None, Query(alias="object", description="Only entries with this id")] = None,
    subject: Annotated[str | None, Query(max_length=200, description="Only what this person or program did")] = None,
    since: Annotated[datetime | None, Query(alias="from", description="Only from this moment on")] = None,
    until: Annotated[datetime | None, Query(alias="to", description="Only before this moment")] = None,
) -> Page[AuditEntry]:
    """Who changed what in this service, oldest first. Nothing in it can be changed."""
    filters = (object_id, subject, since, until)
    rows = await reader.fetch(_ENTRIES[query.order], query.after_number(), *filters, query.limit + 1)
    return page(rows, query, key=lambda row: (row["entry_id"],))


def router_of(service: str) -> Router:
    """Return the route for a service. Agencies may not use it."""
    router = Router(prefix="/v1", tags=["audit"])
    router.get("/audit", dependencies=[reads(service)])(list_audit_entries)
    return router
