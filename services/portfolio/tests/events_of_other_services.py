"""Events of assignment, promises and field-visits about a contract, for the tests of the portfolio."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID, uuid4

from portfolio.handlers import consumer
from portfolio_builders import TODAY, Given
from recobro_events import Event
from recobro_events.contracts.assignment import ContractPlaced, PlacementEvent, PlacementKind
from recobro_events.contracts.field_visits import AttendedBy, VisitCompleted, VisitOutcome
from recobro_events.contracts.portfolio import ContactKind
from recobro_events.contracts.promises import MadeIn, PromiseEvent, PromiseMade
from recobro_events.testing import apply_events

P = TypeVar("P", bound=PlacementEvent)
Q = TypeVar("Q", bound=PromiseEvent)


async def receive(given: Given, *events: Event) -> None:
    """Apply these events in one batch of the real consumer."""
    await apply_events(given.database, consumer, *events)


def placed(contract_id: UUID, agency_id: UUID, **changes: Any) -> ContractPlaced:
    fields: dict[str, Any] = {
        "contract_id": contract_id,
        "placement_id": uuid4(),
        "version": 1,
        "agency_id": agency_id,
        "kind": PlacementKind.DIALING,
        "starts_on": TODAY,
    }
    return ContractPlaced(**(fields | changes))


def then(event_type: type[P], before: PlacementEvent, **more: Any) -> P:
    """The next event of the same placement."""
    fields = {name: getattr(before, name) for name in ("contract_id", "placement_id", "agency_id", "kind")}
    return event_type(**fields, version=before.version + 1, **({"reason": "paid_in_full"} | more))


def promised(contract_id: UUID, **changes: Any) -> PromiseMade:
    fields: dict[str, Any] = {
        "contract_id": contract_id,
        "promise_id": uuid4(),
        "version": 1,
        "due_on": TODAY,
        "silent_until": TODAY,
        "promised": Decimal("80.00"),
        "paid": Decimal("0.00"),
        "currency": "MXN",
        "made_on": TODAY,
        "made_in": MadeIn.CALL,
    }
    return PromiseMade(**(fields | changes))


def later(event_type: type[Q], before: PromiseEvent, **more: Any) -> Q:
    """The next event of the same promise."""
    kept = ("contract_id", "promise_id", "due_on", "silent_until", "promised", "paid", "currency")
    fields = {name: getattr(before, name) for name in kept}
    return event_type(**(fields | {"version": before.version + 1} | more))


def visited(contract_id: UUID, **changes: Any) -> VisitCompleted:
    fields: dict[str, Any] = {
        "contract_id": contract_id,
        "visit_id": uuid4(),
        "outcome": VisitOutcome.VISITED,
        "attended_by": AttendedBy.DEBTOR,
        "started_at": datetime.now(UTC),
        "photos": 0,
    }
    return VisitCompleted(**(fields | changes))


PHONE_KIND, EMAIL_KIND = ContactKind.PHONE, ContactKind.EMAIL
