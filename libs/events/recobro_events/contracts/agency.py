"""Events for one agency on its own topic, ``agency.<agency_id>.events``; assignment publishes them.

These events hold no personal data. Events of one contract are in order. An event may come twice, with the same id.
"""

from datetime import date, datetime
from uuid import UUID

from recobro_events.contracts.assignment import PlacementKind
from recobro_events.contracts.base import Currency, Event, Lane, Money


class AgencyEvent(Event, key="contract_id"):
    """A fact for one agency about a contract that is, or was, placed with it."""

    agency_id: UUID
    contract_id: UUID

    @property
    def topic(self) -> str:
        return f"agency.{self.agency_id}.events"


class AgencyRegistered(Event, type="agency.agency-registered.v1", lane=Lane.AGENCIES, key="agency_id"):
    """The agency was registered: the first event of every agency's topic."""

    agency_id: UUID

    @property
    def topic(self) -> str:
        return f"agency.{self.agency_id}.events"


class PlacementStarted(AgencyEvent, type="agency.placement-started.v1", lane=Lane.AGENCIES):
    """The contract is placed with the agency from ``starts_on`` to ``ends_on``, both inclusive; null means no end.

    The stage, the days past due and the balances hold for the business date ``as_of``.
    """

    placement_id: UUID
    kind: PlacementKind
    contract_number: str
    starts_on: date
    ends_on: date | None = None
    as_of: date
    stage: str
    days_past_due: int
    overdue_balance: Money
    total_balance: Money
    currency: Currency


class PlacementRecallRequested(AgencyEvent, type="agency.placement-recall-requested.v1", lane=Lane.AGENCIES):
    """The agency stops working on the contract now.

    Up to ``final_on`` it may acknowledge the recall or object to it.
    """

    placement_id: UUID
    kind: PlacementKind
    reason: str
    final_on: date


class PlacementRecalled(AgencyEvent, type="agency.placement-recalled.v1", lane=Lane.AGENCIES):
    """The recall is final: the contract is no longer placed with the agency for this kind of work."""

    placement_id: UUID
    kind: PlacementKind
    reason: str


class PlacementReinstated(AgencyEvent, type="agency.placement-reinstated.v1", lane=Lane.AGENCIES):
    """The recall was undone: the placement is active again, and the agency may go on working."""

    placement_id: UUID
    kind: PlacementKind
    reason: str


class PlacementEnded(AgencyEvent, type="agency.placement-ended.v1", lane=Lane.AGENCIES):
    """The placement's term is over: the agency stops working on the contract."""

    placement_id: UUID
    kind: PlacementKind
    reason: str


class PaymentReceived(AgencyEvent, type="agency.payment-received.v1", lane=Lane.AGENCIES):
    """Money arrived for the contract; the balances are those after the payment."""

    payment_id: UUID
    amount: Money
    currency: Currency
    paid_on: date
    overdue_balance: Money
    total_balance: Money


class PaymentReversed(AgencyEvent, type="agency.payment-reversed.v1", lane=Lane.AGENCIES):
    """A payment was reversed; the balances are as if it had never arrived."""

    payment_id: UUID
    amount: Money
    currency: Currency
    overdue_balance: Money
    total_balance: Money


class ClarificationOpened(AgencyEvent, type="agency.clarification-opened.v1", lane=Lane.AGENCIES):
    """The debtor disputes the debt: the agency stops contact about the contract."""

    clarification_id: UUID


class ClarificationResolved(AgencyEvent, type="agency.clarification-resolved.v1", lane=Lane.AGENCIES):
    """A clarification ended. ``still_open`` is the number of the contract's other open clarifications."""

    clarification_id: UUID
    contact_may_resume: bool
    still_open: int


class ContactSilenced(AgencyEvent, type="agency.contact-silenced.v1", lane=Lane.AGENCIES):
    """A silence begins: nobody contacts the debtor about the contract from ``since`` on.

    A contract may have several silences. ``until`` is the last silent day; after that day the silence ends without an
    event. If the same ``silence_id`` comes again with another ``until``, the latest event holds. With a ``contact_id``
    only that contact point is silent, and with a ``medium`` only that medium.
    """

    silence_id: UUID
    reason: str
    since: date
    until: date | None = None
    medium: str | None = None
    contact_id: UUID | None = None


class ContactResumed(AgencyEvent, type="agency.contact-resumed.v1", lane=Lane.AGENCIES):
    """One silence is over. ``still_silent`` has the reasons of the silences that are left.

    Contact may resume only when ``still_silent`` is empty.
    """

    silence_id: UUID
    still_silent: tuple[str, ...] = ()


class ListEntryWithdrawn(AgencyEvent, type="agency.list-entry-withdrawn.v1", lane=Lane.AGENCIES):
    """The contract was withdrawn from one of the agency's live lists."""

    list_id: UUID
    contract_number: str
    reason: str
    withdrawn_at: datetime
