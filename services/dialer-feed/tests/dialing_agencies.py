"""Events of placements, promises, visits and own attempts as their services publish them, for dialer-feed's tests."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

from chassis.testing.publishers import DAY, Placement, Promise
from dialing_contracts import Contract
from recobro_events.contracts.field_visits import AttendedBy, VisitCompleted, VisitOrdered, VisitOutcome
from recobro_events.contracts.portfolio import AttemptMade

__all__ = ["Placement", "Promise", "Visit", "own_attempt"]


@dataclass
class Visit:
    contract: Contract
    visit_on: date = DAY
    visit_id: UUID = field(default_factory=uuid.uuid4)

    def ordered(self) -> VisitOrdered:
        return VisitOrdered(
            contract_id=self.contract.contract_id,
            visit_id=self.visit_id,
            visitor="luis",
            address_id=uuid.uuid4(),
            visit_on=self.visit_on,
        )

    def completed(self, attended_by: AttendedBy = AttendedBy.NOBODY) -> VisitCompleted:
        return VisitCompleted(
            contract_id=self.contract.contract_id,
            visit_id=self.visit_id,
            outcome=VisitOutcome.VISITED,
            attended_by=attended_by,
            started_at=datetime.now(UTC),
            photos=0,
        )


def own_attempt(
    contract: Contract,
    day: date,
    channel: str = "call",
    *,
    right_party: bool = False,
    permit_id: uuid.UUID | None = None,
) -> AttemptMade:
    return AttemptMade(
        contract_id=contract.contract_id,
        attempt_id=uuid.uuid4(),
        channel=channel,
        outcome="no_answer",
        right_party=right_party,
        made_at=datetime.combine(day, datetime.min.time(), UTC),
        business_date=day,
        episode=1,
        attempts=1,
        permit_id=permit_id,
    )
