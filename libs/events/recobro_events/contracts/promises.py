"""What the promises service says: promises to pay, how they end, and plans."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from recobro_events.contracts.base import ContractEvent, Currency, Money, Part


class PromiseState(StrEnum):
    OPEN = "open"
    KEPT = "kept"
    PARTLY_KEPT = "partly_kept"
    BROKEN = "broken"
    CANCELLED = "cancelled"


class MadeIn(StrEnum):
    """The contact in which it was made."""

    CALL = "call"
    VISIT = "visit"
    PORTAL = "portal"
    AGENCY = "agency"


class AgreementKind(StrEnum):
    PLAN = "plan"
    SETTLEMENT = "settlement"
    RESTRUCTURE = "restructure"
    FORGIVENESS = "forgiveness"


class PromiseEvent(ContractEvent):
    """A fact about one promise. ``version`` grows with every change of that promise, from 1.

    ``promised`` is what was to be paid until ``due_on``, ``paid`` what counts for it so far. While the promise is open
    the debtor is not called about the contract on business dates up to ``silent_until``, inclusive. An instalment of a
    plan is a promise with the plan's ``agreement_id``.
    """

    promise_id: UUID
    version: int
    due_on: date
    silent_until: date
    promised: Money
    paid: Money
    currency: Currency
    agreement_id: UUID | None = None


class PromiseMade(PromiseEvent, type="promises.promise-made.v1"):
    made_on: date
    made_in: MadeIn
    agency_id: UUID | None = None


class PromiseKept(PromiseEvent, type="promises.promise-kept.v1"):
    """All of it was paid in time, also where that became known late."""


class PromisePartlyKept(PromiseEvent, type="promises.promise-partly-kept.v1"):
    """Its time is over and only a part was paid."""


class PromiseBroken(PromiseEvent, type="promises.promise-broken.v1"):
    """Its time is over and nothing was paid."""


class PromiseReopened(PromiseEvent, type="promises.promise-reopened.v1"):
    """A payment was undone while there is still time: it is open again, and so is its silence."""


class PromiseCancelled(PromiseEvent, type="promises.promise-cancelled.v1"):
    reason: str


class AgreedInstalment(Part):
    promise_id: UUID
    due_on: date
    amount: Money


class AgreementReached(ContractEvent, type="promises.agreement-reached.v1"):
    """A plan pays ``schedule``; ``settles_in_full`` when that is all that was owed."""

    agreement_id: UUID
    version: int
    kind: AgreementKind
    schedule: tuple[AgreedInstalment, ...]
    discount: Money
    currency: Currency
    settles_in_full: bool


class AgreementBroken(ContractEvent, type="promises.agreement-broken.v1"):
    """An instalment was not paid in time: the plan is over, what is left of it is cancelled."""

    agreement_id: UUID
    version: int


class AgreementFulfilled(ContractEvent, type="promises.agreement-fulfilled.v1"):
    """Every instalment was paid."""

    agreement_id: UUID
    version: int
