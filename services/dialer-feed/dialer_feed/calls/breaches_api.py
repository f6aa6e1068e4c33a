"""HTTP route by which operators read the calls that broke a rule of contact."""

from datetime import datetime
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, ReadConnection, Router, page, reads
from chassis.audit import reads_in_bulk
from recobro_events.contracts.dialer_feed import Disposition

from dialer_feed.calls import queries, rules
from dialer_feed.calls.rules import Breach

router = Router(prefix="/v1", tags=["dialers"])


class CallBreach(OutputModel):
    """A call that was wrongful (``silence`` says why), or broke the rules in ``breaches``.

    ``agency_id`` is null for a call from inside, ``list_id`` for one without a list. ``dialer_id`` reported it.
    """

    call_id: str
    agency_id: UUID | None
    list_id: UUID | None
    contract_id: UUID
    contact_id: UUID
    agent: str
    started_at: datetime
    disposition: Disposition
    manual: bool
    unlisted: bool
    wrongful: bool
    silence: str | None
    breaches: tuple[str, ...]
    dialer_id: str
    reported_at: datetime


@router.get("/breaches", dependencies=[reads("dialer-feed"), reads_in_bulk()])
async def list_breaches(
    query: PageQuery,
    reader: ReadConnection,
    kind: Breach | None = None,
    agency_id: UUID | None = None,
    contract_id: UUID | None = None,
) -> Page[CallBreach]:
    """List the calls that broke a rule of contact, as they were reported. ``silence``: the wrongful calls."""
    after = query.after(datetime, UUID, str) or (None, None, None)
    rows = await reader.fetch(queries.BREACHES[query.order], kind, agency_id, contract_id, *after, query.limit + 1)
    items = [
        CallBreach(
            **{name: value for name, value in row.items() if name not in ("dialed_for", "list_id")},
            agency_id=None if row["dialed_for"] == rules.DIALED_FROM_INSIDE else row["dialed_for"],
            list_id=None if row["list_id"] == rules.NO_LIST else row["list_id"],
        )
        for row in rows
    ]
    return page(
        items,
        query,
        key=lambda item: (item.reported_at.isoformat(), item.agency_id or rules.DIALED_FROM_INSIDE, item.call_id),
    )
