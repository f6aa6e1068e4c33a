"""Events of the promises service: promises to pay, their outcomes, plans and other agreements."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from recobro_events.contracts.base import ContractEvent, Currency, Money, Part


class PromiseState(StrEnum):
    """Whether a promise may still be kept (``open``), and otherwise how it ended."""

    OPEN = "open"
    KEPT = "kept"
    PARTLY_KEPT = "partly_kept"
    BROKEN = "broken"
    CANCELLED = "cancelled"


class MadeIn(StrEnum):
    """The contact in which the promise was made."""

    CALL = "call"
    VISIT = "visit"
    PORTAL = "portal"
    AGENCY = "agency"


class AgreementKind(StrEnum):
    """What was agreed with the debtor."""

    PLAN = "plan"
    SETTLEMENT = "settlement"
    RESTRUCTURE = "restructure"
    FORGIVENESS = "forgiveness"


class ProposalState(StrEnum):
    """What a proposed agreement waits for. ``proposed``: nobody has decided anything. ``reached``: it is in force."""

    PROPOSED = "proposed"
    AWAITING_APPROVAL = "awaiting_approval"
    AWAITING_ACCEPTANCE = "awaiting_acceptance"
    REACHED = "reached"
    CANCELLED = "cancelled"


class PromiseEvent(ContractEvent):
    """A fact about one promise. ``version`` grows with every change of that promise, from 1.

    The debtor promised to pay ``promised`` by ``due_on``, and has paid ``paid`` of it so far. While the promise is
    open, nobody calls the debtor about the contract on business dates up to and including ``silent_until``. An
    instalment of a plan is a promise with the plan's ``agreement_id``.
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
    """A promise was made on the day ``made_on``, by the debtor or by the party ``party_id``."""

    made_on: date
    made_in: MadeIn
    agency_id: UUID | None = None
    party_id: UUID | None = None


class PromiseKept(PromiseEvent, type="promises.promise-kept.v1"):
    """The whole amount, less the portfolio's tolerance, was paid in time, even if that became known late."""


class PromisePartlyKept(PromiseEvent, type="promises.promise-partly-kept.v1"):
    """The time to pay is over and only a part was paid."""


class PromiseBroken(PromiseEvent, type="promises.promise-broken.v1"):
    """The time to pay is over and nothing was paid."""


class PromiseReopened(PromiseEvent, type="promises.promise-reopened.v1"):
    """A payment was reversed before the time to pay was over: the promise is open and silences the contract again."""


class PromiseCancelled(PromiseEvent, type="promises.promise-cancelled.v1"):
    """The promise does not hold any more, and the payments do not decide about it."""

    reason: str


class PromiseDueSoon(PromiseEvent, type="promises.promise-due-soon.v1"):
    """The promise is open and due on the day after the business date. Published once for a promise."""


class AgreedInstalment(Part):
    """An instalment of an agreement. It is the promise ``promise_id``."""

    promise_id: UUID
    due_on: date
    amount: Money


class AgreementReached(ContractEvent, type="promises.agreement-reached.v1"):
    """An agreement is in force. With ``settles_in_full``, nothing is owed any more once the ``schedule`` is paid.

    The creditor gives up ``discount`` when the schedule is paid. A forgiveness may have no schedule. ``version`` grows
    with every event of this agreement. ``made_on`` is the day on which the agreement came into force. It is null in
    events of an earlier release. ``paid_before`` are payments of that day that do not pay the agreement, because the
    debt had already been reduced by them.
    """

    agreement_id: UUID
    version: int
    kind: AgreementKind
    schedule: tuple[AgreedInstalment, ...]
    discount: Money
    currency: Currency
    settles_in_full: bool
    made_on: date | None = None
    paid_before: tuple[UUID, ...] = ()


class AgreementBroken(ContractEvent, type="promises.agreement-broken.v1"):
    """An instalment was not paid in time: the agreement has ended, and its later instalments are cancelled."""

    agreement_id: UUID
    version: int


class AgreementFulfilled(ContractEvent, type="promises.agreement-fulfilled.v1"):
    """Every instalment of the agreement was paid."""

    agreement_id: UUID
    version: int


class AgreementReopened(ContractEvent, type="promises.agreement-reopened.v1"):
    """The agreement is open again: a payment was reversed, or a payment in time became known late."""

    agreement_id: UUID
    version: int


class AgreementCancelled(ContractEvent, type="promises.agreement-cancelled.v1"):
    """An agreement in force does not hold any more. What was paid stays paid.

    For a cancelled plan this event is published only when the state is republished. When the plan is cancelled,
    PromiseCancelled of each instalment states it.
    """

    agreement_id: UUID
    version: int
    reason: str


class AgreementSettled(ContractEvent, type="promises.agreement-settled.v1"):
    """The payments of a fulfilled agreement are final on ``settled_on``: the creditor gives up ``discount`` now.

    With ``settles_in_full`` the contract owes nothing afterwards, except amounts that were added to it after
    ``made_on``. An agreement that is broken or open again later takes the discount back. ``forgiven`` is the discount
    plus the amounts that are missing of kept instalments within the portfolio's tolerance. It is null in events of an
    earlier release.
    """

    agreement_id: UUID
    version: int
    kind: AgreementKind
    discount: Money
    currency: Currency
    settles_in_full: bool
    made_on: date
    settled_on: date
    forgiven: Money | None = None


class ClarificationRequested(ContractEvent, type="promises.clarification-requested.v1"):
    """A debtor disputes the debt on the debtor's page."""

    reason: str
    detail: str | None = None
    reported_by: str


class ConvenienceRequested(ContractEvent, type="promises.convenience-requested.v1"):
    """A debtor states on the debtor's page what is inconvenient.

    The four fields ``not_…`` have the meaning that they have in ``portfolio.convenience-changed``.
    """

    not_hours: tuple[str, ...] = ()
    not_days: tuple[str, ...] = ()
    not_media: tuple[str, ...] = ()
    not_places: tuple[str, ...] = ()
    reported_by: str


class ProposedInstalment(Part):
    """An instalment that was proposed."""

    due_on: date
    amount: Money


class ProposedTerms(Part):
    """What was proposed on ``proposed_on``, when the debt was ``balance``. No later change of the proposal changes it.

    ``settles_in_full``: schedule and discount are together the debt. ``sha256`` is the hash of these terms, which the
    proposal's document states, so that it is known what was signed.
    """

    proposed_on: date
    balance: Money
    discount: Money
    settles_in_full: bool
    schedule: tuple[ProposedInstalment, ...]
    sha256: str


class ProposalChanged(ContractEvent, type="promises.proposal-changed.v1"):
    """An agreement was proposed, approved, accepted, refused or cancelled before it was in force.

    ``version`` grows with every change of the proposal. The debtor would pay ``total``, and the creditor would give up
    ``discount``. After ``valid_until`` nobody can approve or accept it. ``awaits_second_person``: a second person has
    to approve it and has not. ``terms`` are null in an event of an earlier release.
    """

    agreement_id: UUID
    version: int
    kind: AgreementKind
    state: ProposalState
    total: Money
    discount: Money
    currency: Currency
    valid_until: date
    awaits_second_person: bool = False
    terms: ProposedTerms | None = None
