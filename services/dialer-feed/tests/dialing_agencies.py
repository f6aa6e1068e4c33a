"""Events about placements, promises and visits as their services publish them, for dialer-feed's tests."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

from chassis.testing.publishers import DAY, Placement, Promise
from dialing_contracts import Contract
from recobro_events.contracts.field_visits import AttendedBy, VisitCompleted, VisitOrdered, VisitOutcome

__all__ = ["Placement", "Promise", "Visit"]


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
