"""Republishes every visit for a service that has missed events, since visits count for call frequency."""

from collections.abc import Iterator
from uuid import UUID

from recobro_events import ContractEvent, Row, Source, Transaction
from recobro_events.contracts.field_visits import VisitCompleted, VisitOrdered

from field_visits.visits.positions import position_of

CHUNK_VISITS = 500
_BEFORE_ALL = UUID(int=0)
_NEXT = """
SELECT visit.*, (SELECT count(*) FROM photo WHERE photo.visit_id = visit.visit_id) AS photos
FROM visit JOIN contract USING (contract_id)
WHERE visit_id > $1 ORDER BY visit_id LIMIT $2 FOR SHARE OF contract
"""


async def republish(tx: Transaction, after: str) -> str | None:
    """Republish the next visits by id after ``after``. Return the last id; None at the end."""
    rows = await tx.fetch(_NEXT, UUID(after) if after else _BEFORE_ALL, CHUNK_VISITS)
    if not rows:
        return None
    for row in rows:
        tx.publish(*_events_of(row))
    return str(rows[-1]["visit_id"])


def _events_of(row: Row) -> Iterator[ContractEvent]:
    common = {"contract_id": row["contract_id"], "visit_id": row["visit_id"], "agency_id": row["agency_id"]}
    yield VisitOrdered(**common, visitor=row["visitor"], address_id=row["address_id"], visit_on=row["visit_on"])
    if row["outcome"] is not None:
        yield VisitCompleted(
            **common,
            outcome=row["outcome"],
            attended_by=row["attended_by"],
            reason_for_non_payment=row["reason_for_non_payment"],
            started_at=row["started_at"],
            position=position_of(row),
            photos=row["photos"],
        )


SOURCE = Source(republish)
