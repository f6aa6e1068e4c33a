"""Events of the portfolio service: contracts, balances, stages, payments, clarifications."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from recobro_events.contracts.base import ContractEvent, Currency, Event, Lane, Money, MoneyTotal, Part, Percent


class Stage(StrEnum):
    """How late a contract is, by the portfolio's bands of days past due."""

    CURRENT = "current"
    EARLY = "early"
    LATE = "late"
    LEGAL = "legal"


class ContractState(StrEnum):
    """Whether work on a contract goes on (``open``), and otherwise how it ended."""

    OPEN = "open"
    SETTLED = "settled"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    WRITTEN_OFF = "written_off"


class DebtorStatus(StrEnum):
    """Whether the debtor may be contacted as usual (``active``), and otherwise why not."""

    ACTIVE = "active"
    DECEASED = "deceased"
    UNLOCATABLE = "unlocatable"
    REPRESENTED = "represented"
    INSOLVENT = "insolvent"


class StageCause(StrEnum):
    """The change because of which a contract was staged. ``catch_up``: it was staged up to a later business date."""

    DAILY_RUN = "daily_run"
    PAYMENT = "payment"
    BACKDATED_PAYMENT = "backdated_payment"
    REVERSAL = "reversal"
    PAUSE = "pause"
    REVISION = "revision"
    CATCH_UP = "catch_up"


class ClarificationOutcome(StrEnum):
    """How a clarification was resolved."""

    UPHELD = "upheld"
    PARTLY_UPHELD = "partly_upheld"
    REJECTED = "rejected"
    VERIFIED = "verified"
    WITHDRAWN = "withdrawn"


class ApproachStep(StrEnum):
    """How a debtor is approached, from the gentlest step to the gravest: the ladder."""

    REMINDER = "reminder"
    DIRECT_CONTACT = "direct_contact"
    EXTRAJUDICIAL_NOTICE = "extrajudicial_notice"
    JUDICIAL_NOTICE = "judicial_notice"


class StepCause(StrEnum):
    """Why the step changed: the next step's conditions are met (``ladder``), a ``notice`` was recorded, the contract is
    ``cured``, or a reversed payment has ``restored`` the episode.
    """

    LADDER = "ladder"
    NOTICE = "notice"
    CURED = "cured"
    RESTORED = "restored"


class StepAllows(Part):
    """What may be done while a contract stands at its step. Nothing else may be done there.

    ``contacts`` lists the allowed ways of contact: message, call, visit, letter. ``campaigns`` lists the allowed kinds
    of campaigns. Null allows all of them.
    """

    contacts: tuple[str, ...] | None = None
    campaigns: tuple[str, ...] | None = None


class ContactKind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"


class ContactChange(StrEnum):
    ADDED = "added"
    VERIFIED = "verified"
    INVALID = "invalid"
    OPTED_OUT = "opted_out"


class PartyRole(StrEnum):
    """How somebody other than the debtor is related to a contract. A ``reference`` only vouches for the debtor."""

    JOINT_OBLIGOR = "joint_obligor"
    GUARANTOR = "guarantor"
    EXECUTOR = "executor"
    ATTORNEY = "attorney"
    PAYER = "payer"
    REFERENCE = "reference"
    EMPLOYER = "employer"


class PartyChange(StrEnum):
    """How a party changed. ``contact_changed``: a phone or an e-mail was found right or wrong, or was refused."""

    ADDED = "added"
    CORRECTED = "corrected"
    REMOVED = "removed"
    CONTACT_CHANGED = "contact_changed"


class Convenience(Part):
    """What a debtor has called inconvenient, since ``stated_at``. It holds for every contract of the person.

    Each of the four fields ``not_…`` binds by itself. ``not_hours`` are hours of the debtor's clock, as
    ``HH:MM-HH:MM``. The end is not included, and an end before the beginning lies on the next day. ``not_days`` are mon
    to sun. ``not_media`` are call, sms, whatsapp, email and visit. ``not_places`` are kinds of address.
    """

    convenience_id: UUID
    stated_at: datetime
    not_hours: tuple[str, ...] = ()
    not_days: tuple[str, ...] = ()
    not_media: tuple[str, ...] = ()
    not_places: tuple[str, ...] = ()


class CreditorKind(StrEnum):
    FINANCIAL = "financial"
    COMMERCIAL = "commercial"


class PortfolioState(StrEnum):
    """Whether a file of the portfolio is being loaded."""

    READY = "ready"
    LOADING = "loading"


class Components(Part):
    """What is unpaid of each part of ``total_balance``, by the creditor's figures and the portfolio's allocation order.

    The parts add up to ``total_balance``. ``other`` includes what nobody has split. ``calculated_on`` is the earliest
    day for which the creditor has calculated the parts.
    """

    principal: Money
    ordinary_interest: Money
    default_interest: Money
    fees: Money
    tax: Money
    other: Money
    calculated_on: date | None = None


class PositionEvent(ContractEvent):
    """A fact about a contract, with the contract's position after it: the fields from ``version`` to ``episode``.

    ``version`` grows with every change of the contract: of two positions the one with the greater version is newer.
    ``as_of`` is the business date for which the stage, the balances and ``days_past_due`` hold. ``overdue_balance`` is
    the unpaid amount that was due before ``as_of``; ``total_balance`` is the whole unpaid amount. ``episode`` counts
    the times that the overdue balance rose from 0, or is null if that is not known. ``next_change_on`` is the day on
    which the stage or the overdue balance changes even if nothing else happens; the event of that day has the new
    position. It is null if neither changes any more, or if the day is not known. ``components`` are the parts of
    ``total_balance``. They are null if the creditor has not stated them, or if nothing is unpaid.
    """

    version: int
    as_of: date
    state: ContractState
    stage: Stage
    days_past_due: int
    overdue_balance: Money
    total_balance: Money
    oldest_due_on: date | None = None
    episode: int | None = None
    next_change_on: date | None = None
    components: Components | None = None


class Debtor(Part):
    """The debtor. ``status`` belongs to the debtor, not to the contract; ``status_version`` orders its changes.

    ``language`` is es, pt or en, or null if it is not known.

    Debtors of one creditor who are linked as one person have the same ``person_id``. Status, opt-outs and call
    frequency reach all contracts of a person. A debtor who is linked to nobody has no ``person_id``, and is a person
    alone.

    ``erased`` says that the personal data of the contract were erased; the name is then empty. See DebtorErased.
    """

    debtor_id: UUID
    person_id: UUID | None = None
    kind: str | None = None
    name: str
    tax_id: str | None = None
    language: str | None = None
    status: DebtorStatus = DebtorStatus.ACTIVE
    status_version: int = 0
    erased: bool = False


class ContactPoint(Part):
    """A phone number (in E.164 if it is valid) or an e-mail address.

    ``usable`` says whether the debtor may be contacted on it. ``refused_media`` are the media that the debtor refuses
    on it, or ``all``. ``verified`` says whether somebody has verified it. ``refused_media`` and ``verified`` are null
    if they are not known.
    """

    contact_id: UUID
    version: int
    kind: ContactKind
    value: str
    provenance: str
    timezone: str | None = None
    usable: bool
    refused_media: tuple[str, ...] | None = None
    verified: bool | None = None


class Party(Part):
    """Somebody besides the debtor. ``contact_points`` are the party's own, and never the debtor's.

    The jurisdiction's profile and the role decide whether the party may be contacted. ``version`` orders the changes
    of one party. ``name`` is null where a file states only a phone or an e-mail, and in a party that was removed.
    """

    party_id: UUID
    version: int
    role: PartyRole
    name: str | None
    tax_id: str | None = None
    language: str | None = None
    contact_points: tuple[ContactPoint, ...] = ()


class Address(Part):
    """An address of the contract. ``authorised`` says whether the debtor may be visited there.

    ``issues`` are the codes of what is wrong with the address.
    """

    address_id: UUID
    kind: str
    street: str | None = None
    exterior: str | None = None
    interior: str | None = None
    neighbourhood: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    authorised: bool = True
    irregular_numbering: bool = False
    issues: tuple[str, ...] = ()


class Instalment(Part):
    """An instalment. ``amount`` was unpaid when the creditor last reported it; ``unpaid`` is still unpaid now."""

    number: int
    due_on: date
    amount: Money
    unpaid: Money


class Pause(Part):
    """Days past due do not grow from ``starts_on`` to ``ends_on``, both inclusive; null means no end."""

    pause_id: UUID
    version: int
    starts_on: date
    ends_on: date | None = None


class LastPayment(Part):
    """The contract's last payment. It arrived on ``business_date``.

    The days without contact count from ``holdoff_from``, or from ``business_date`` if that is null.
    """

    payment_id: UUID
    paid_on: date
    business_date: date
    holdoff_from: date | None = None


class KnownPayment(Part):
    """A payment. ``business_date`` is the day on which it arrived. A ``reversed`` payment pays nothing.

    The days without contact count from ``holdoff_from``, or from ``business_date`` if that is null. ``credit`` is the
    part of the payment that exceeds the debt now. ``days_past_due_before`` are the contract's days past due when the
    payment arrived. Both are null if they are not known.
    """

    payment_id: UUID
    amount: Money
    paid_on: date
    business_date: date
    reversed: bool
    holdoff_from: date | None = None
    credit: Money | None = None
    days_past_due_before: int | None = None


class FilePayment(Part):
    """A payment of the channel ``file``. A file stated less than was unpaid, and no known payment explains it.

    Such a payment has no ``PaymentReceived``, and counts like a payment that has one. ``credit`` is the part of the
    amount that exceeds the debt.
    """

    payment_id: UUID
    amount: Money
    credit: Money
    paid_on: date
    business_date: date
    holdoff_from: date
    reference: str
    days_past_due_before: int


class ContractWhole(PositionEvent):
    """The whole present state of a contract. ``details_version`` orders the details.

    The debtor's status, contact points and pauses have their own versions. In a republished event ``payments`` has all
    payments of the contract, for a service that missed them; otherwise it is empty. ``file_payments`` are new with this
    event. ``payments_on_top`` is the number of payments that no file has absorbed, or null if that is not known.

    ``undecided`` says that a person has to decide about the creditor's figures. Until then the contract is silent with
    the reason ``unknown_state``. Up to and including ``payment_silent_until`` the contract is silent with the reason
    ``payment``, because the creditor's files do not yet hold one of its payments.

    ``original_creditor`` lent or sold first, if the debt was bought. The credit was granted on ``origination_date``.
    ``parties`` are all people besides the debtor. ``conveniences`` state all that the debtor calls inconvenient. Both
    are null if they are not known. ``allows`` is what the contract's step allows; null allows everything.
    """

    details_version: int
    creditor_id: UUID
    portfolio_id: UUID
    contract_number: str
    incomplete: bool
    product: str | None = None
    jurisdiction: str
    currency: Currency
    debtor: Debtor
    contact_points: tuple[ContactPoint, ...] = ()
    addresses: tuple[Address, ...] = ()
    instalments: tuple[Instalment, ...] = ()
    segment: str | None = None
    episode: int
    step: str | None = None
    open_clarifications: tuple[UUID, ...] = ()
    pauses: tuple[Pause, ...] = ()
    last_payment: LastPayment | None = None
    payments: tuple[KnownPayment, ...] = ()
    file_payments: tuple[FilePayment, ...] = ()
    undecided: bool = False
    payment_silent_until: date | None = None
    payments_on_top: int | None = None
    original_creditor: str | None = None
    origination_date: date | None = None
    parties: tuple[Party, ...] | None = None
    conveniences: tuple[Convenience, ...] | None = None
    allows: StepAllows | None = None


class ContractRegistered(ContractWhole, type="portfolio.contract-registered.v1", lane=Lane.BULK):
    """A contract is new. Carries personal data."""


class ContractRevised(ContractWhole, type="portfolio.contract-revised.v1", lane=Lane.BULK):
    """A contract changed, or its balance changed without another event. Carries personal data."""


class ContractStageChanged(PositionEvent, type="portfolio.contract-stage-changed.v1", lane=Lane.BULK):
    """The contract moved to another stage; ``cause`` is the reason.

    ``bands_from`` is set if the portfolio has new bands from that day on. ``cause`` is then ``revision``.
    """

    from_stage: Stage
    to_stage: Stage
    cause: StageCause
    bands_from: date | None = None


class ContractNearsStage(ContractEvent, type="portfolio.contract-nears-stage.v1", lane=Lane.BULK):
    """The contract moves from ``from_stage`` to ``stage`` on the day ``on`` if nothing else happens.

    The event is published once for each contract and day of change, ``stage_notice_days`` of the portfolio before that
    day. If a payment, a pause or a file puts the day off, the later day is announced too when it is near. ``version``
    is the version of the contract's position, which the event does not change.
    """

    version: int
    from_stage: Stage
    stage: Stage
    on: date


class ContractSegmentChanged(PositionEvent, type="portfolio.contract-segment-changed.v1", lane=Lane.BULK):
    """The contract belongs to another segment by the rules of its portfolio.

    A segment is null if no rule fits. ``rule`` is the place of the rule that fits, counted from 1, in the version
    ``rules_version`` of the rules.
    """

    from_segment: str | None = None
    to_segment: str | None = None
    rule: int | None = None
    rules_version: int


class ContractEscalated(PositionEvent, type="portfolio.contract-escalated.v1", lane=Lane.BULK):
    """The contract stands at another step of the ladder, or its step allows something else now.

    A step is null if nothing is overdue. Within an ``episode`` the step only rises. ``ladder_version`` is the version
    of the portfolio's ladder. ``allows`` is what ``to_step`` allows; null allows everything. If only ``allows`` has
    changed, ``from_step`` and ``to_step`` are the same.
    """

    from_step: ApproachStep | None = None
    to_step: ApproachStep | None = None
    cause: StepCause
    ladder_version: int
    allows: StepAllows | None = None


class PaymentReceived(PositionEvent, type="portfolio.payment-received.v1"):
    """Money arrived for a contract and was applied to its oldest instalments.

    The balances are those after the payment. ``credit`` is the part of the amount that exceeds the debt. ``settled``
    says that nothing is owed any more. ``as_of`` is the business date on which the payment arrived.
    ``days_past_due_before`` are the contract's days past due before it. The days without contact count from
    ``holdoff_from``, or from ``as_of`` if that is null.
    """

    payment_id: UUID
    amount: Money
    currency: Currency
    paid_on: date
    received_at: datetime
    channel: str
    reference: str | None = None
    credit: Money
    settled: bool
    days_past_due_before: int
    holdoff_from: date | None = None


class PaymentReversed(PositionEvent, type="portfolio.payment-reversed.v1"):
    """A payment was reversed; the balances are as if it had never arrived.

    ``reversed_on`` is the day on which the bank reversed it, or null if the day is not known.
    """

    payment_id: UUID
    amount: Money
    currency: Currency
    reason: str
    reversed_on: date | None = None


class PaymentReapplied(PositionEvent, type="portfolio.payment-reapplied.v1"):
    """The part of a payment that exceeds the debt changed without another event of the payment.

    ``credit`` is that part now, and replaces the ``credit`` of PaymentReceived. The event with the greatest ``version``
    holds.
    """

    payment_id: UUID
    amount: Money
    credit: Money
    currency: Currency


class ChargeKind(StrEnum):
    """What a charge is. A compensation and a waiver lower what is owed, the others raise it."""

    DEFAULT_INTEREST = "default_interest"
    FEE = "fee"
    CHARGEBACK = "chargeback"
    COMPENSATION = "compensation"
    WAIVER = "waiver"


class ChargeTaken(PositionEvent, type="portfolio.charge-taken.v1"):
    """A charge has raised or lowered what a contract owes. The balances are those after it.

    The charge holds from ``charged_on`` on. ``reference`` is the creditor's own number of the charge.
    """

    charge_id: UUID
    kind: ChargeKind
    amount: Money
    currency: Currency
    charged_on: date
    reason: str
    reference: str | None = None


class ChargeReversed(PositionEvent, type="portfolio.charge-reversed.v1"):
    """A charge was reversed; the balances are as if it had never been taken.

    The charge does not hold any more from ``reversed_on`` on.
    """

    charge_id: UUID
    kind: ChargeKind
    amount: Money
    currency: Currency
    reason: str
    reversed_on: date


class AttemptMade(ContractEvent, type="portfolio.attempt-made.v1"):
    """The creditor's own people tried to reach the debtor, by a ``call`` or a ``message``.

    The attempt counts on ``business_date``. ``right_party`` says whether they reached the debtor. ``attempts`` counts
    the attempts of the contract's ``episode`` so far. If one call or message was about several contracts of a person,
    each contract has an event, and ``same_as`` names the one attempt that the limits of call frequency count.
    ``permit_id`` names the permit of dialer-feed by which a call was made.
    """

    attempt_id: UUID
    channel: str
    outcome: str
    right_party: bool
    made_at: datetime
    business_date: date
    episode: int
    attempts: int
    same_as: UUID | None = None
    permit_id: UUID | None = None


class NoticeRecorded(ContractEvent, type="portfolio.notice-recorded.v1"):
    """A notice was sent to the debtor, and recorded with its proof in the contract's ``episode``.

    The proof is the number of a registered letter, the SHA-256 of the receipt's file, or both. ``document`` says where
    the notice is kept. If the notice brings the contract to another step, ContractEscalated states the step.
    """

    notice_id: UUID
    episode: int
    kind: str
    channel: str
    sent_on: date
    registered_number: str | None = None
    receipt_sha256: str | None = None
    document: str | None = None


class ConvenienceChanged(PositionEvent, type="portfolio.convenience-changed.v1"):
    """What the contract's debtor calls inconvenient has changed. ``conveniences`` are all statements that hold now."""

    conveniences: tuple[Convenience, ...] = ()


class ClarificationOpened(PositionEvent, type="portfolio.clarification-opened.v1"):
    """The debtor disputes the debt: contact about the contract stops until the clarification is resolved."""

    clarification_id: UUID
    reason: str
    opened_by: str
    instalments: tuple[int, ...] = ()
    deadline_on: date


class CorrectedInstalment(Part):
    """The amount of an instalment as a clarification has corrected it, before payments."""

    instalment: int
    amount: Money


class ClarificationResolved(PositionEvent, type="portfolio.clarification-resolved.v1"):
    """A clarification ended. ``still_open`` lists the other open clarifications of the contract.

    ``corrections`` are the amounts that the clarification changed. They are null in events of earlier releases, which
    did not state them. ``document`` and ``proof_of_sending`` verify the debt if the outcome is ``verified``.
    """

    clarification_id: UUID
    outcome: ClarificationOutcome
    contact_may_resume: bool
    still_open: tuple[UUID, ...] = ()
    corrections: tuple[CorrectedInstalment, ...] | None = None
    document: str | None = None
    proof_of_sending: str | None = None


class ClarificationDeadlineNear(PositionEvent, type="portfolio.clarification-deadline-near.v1"):
    """An open clarification reaches its deadline in a few days. The event is published once."""

    clarification_id: UUID
    deadline_on: date


class ClarificationDeadlinePassed(PositionEvent, type="portfolio.clarification-deadline-passed.v1"):
    """An open clarification has passed its deadline. The event is published once."""

    clarification_id: UUID
    deadline_on: date


class ContactPointChanged(PositionEvent, type="portfolio.contact-point-changed.v1"):
    """A contact point was added, verified, found invalid or opted out. Carries personal data.

    ``usable`` states whether the debtor may be contacted on it after the change. ``contact_version`` orders the changes
    of one contact point. ``medium`` is set when the change is about one medium only. ``refused_media`` are all media
    that the debtor refuses after the change, or ``all``. ``verified`` says that somebody has verified the contact
    point, and that it was not found wrong since. ``refused_media`` and ``verified`` are null if they are not known.
    """

    contact_id: UUID
    contact_version: int
    kind: ContactKind
    value: str
    change: ContactChange
    usable: bool
    medium: str | None = None
    provenance: str
    timezone: str | None = None
    refused_media: tuple[str, ...] | None = None
    verified: bool | None = None


class PartyChanged(PositionEvent, type="portfolio.party-changed.v1"):
    """Somebody besides the debtor was added, corrected or removed. Carries personal data.

    ``party`` is the party after the change. A removed party has no name and no contact point: a service that keeps
    them erases them.
    """

    change: PartyChange
    party: Party


class DebtorStatusChanged(PositionEvent, type="portfolio.debtor-status-changed.v1"):
    """The debtor's status changed; each contract of the debtor has its own event."""

    debtor_id: UUID
    status: DebtorStatus
    status_version: int
    reported_by: str


class DebtorErased(PositionEvent, type="portfolio.debtor-erased.v1"):
    """The personal data of a person were erased; each contract of the person has its own event.

    A service that keeps names, phones, e-mails, addresses, tax ids, photos or texts about the contract erases them,
    whichever versions it knows. Amounts and what happened stay. ``details_version`` is the version of the details
    without personal data. The version of all details before the erasure is smaller by at least two.
    """

    debtor_id: UUID
    details_version: int


class ContractPaused(PositionEvent, type="portfolio.contract-paused.v1"):
    """Days past due do not grow from ``starts_on`` to ``ends_on``, both inclusive; null means no end."""

    pause_id: UUID
    pause_version: int
    starts_on: date
    ends_on: date | None = None


class ContractResumed(PositionEvent, type="portfolio.contract-resumed.v1"):
    """A pause got an end. ``ends_on`` is its last day; if that is before ``starts_on``, the pause never took effect."""

    pause_id: UUID
    pause_version: int
    starts_on: date
    ends_on: date


class ContractClosed(PositionEvent, type="portfolio.contract-closed.v1"):
    """The contract was closed; ``reason`` is its final state."""

    reason: ContractState
    return_code: str | None = None


class Letterhead(Part):
    """The facts about a creditor or an agency that letters to debtors state.

    A null field is not known. A letter that has to state such a field is refused.
    """

    legal_name: str | None = None
    tax_id: str | None = None
    address: str | None = None
    phones: tuple[str, ...] = ()
    complaints_unit: str | None = None
    payment_instructions: str | None = None


class PortfolioEvent(Event, key="portfolio_id"):
    """A fact about a portfolio. The event's key is the portfolio's id."""

    portfolio_id: UUID


class PromiseLimits(Part):
    """The limits of a portfolio's promises.

    A promise is at least ``min_share_percent`` of the overdue balance, and is due at most ``max_days_ahead`` days
    ahead. After ``max_broken_per_episode`` broken promises in one episode of arrears no further promise is taken. A
    promise of which at most ``tolerance`` is missing is kept. With ``grace_in_business_days``, weekends and the
    jurisdiction's holidays are no days of grace.
    """

    min_share_percent: Percent
    max_days_ahead: int
    max_broken_per_episode: int
    tolerance: Money = Decimal("0.00")
    grace_in_business_days: bool = False


class PortfolioStateChanged(PortfolioEvent, type="portfolio.portfolio-state-changed.v1"):
    """The state of a portfolio. Its contracts are staged for ``business_date``, which is null before the first file.

    ``payment_holdoff_days`` is the number of days without contact after a payment. ``letterhead`` is the creditor's.
    ``currency`` is the currency of all contracts; it is null in events of an earlier release. A payment may be missing
    in the creditor's files for ``posting_lag_days``, which is null if it is not known.
    """

    version: int
    state: PortfolioState
    business_date: date | None = None
    name: str
    creditor_id: UUID
    creditor_name: str | None = None
    creditor_kind: CreditorKind
    jurisdiction: str
    timezone: str
    currency: Currency | None = None
    payment_holdoff_days: int | None = None
    promise_limits: PromiseLimits | None = None
    letterhead: Letterhead | None = None
    posting_lag_days: int | None = None


class PortfolioFileLoaded(PortfolioEvent, type="portfolio.portfolio-file-loaded.v1"):
    """A file was loaded. Rows are instalment rows; ``total_accepted`` is the sum of the accepted rows.

    ``amount_accepted`` is the same sum for readers of the first revision of this event: at most 999999999999.99.
    ``filename``, ``sha256``, ``mode`` and ``file_as_of`` identify the file, so that it can be loaded again after a
    restore. They are null if they are not known.
    """

    file_id: UUID
    rows_accepted: int
    rows_rejected: int
    amount_accepted: Money
    total_accepted: MoneyTotal | None = None
    currency: Currency
    filename: str | None = None
    sha256: str | None = None
    mode: str | None = None
    file_as_of: date | None = None
