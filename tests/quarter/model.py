"""A plain model of one contract with its agreements: what must hold after any history, worked out anew each time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

LAG_DAYS = 5
GRACE_DAYS = 2
NOTHING = Decimal("0.00")
LOST = ("partly_kept", "broken")
PROPOSES = {
    "ana": {"settlement": 30, "forgiveness": 30, "restructure": 0},
    "eva": {"settlement": 50, "forgiveness": 50, "restructure": 0},
    "luz": {"settlement": 100, "forgiveness": 100, "restructure": 100},
}
"""The largest share of the balance that each may propose to give up: an operator, a supervisor and a director."""
APPROVES = {"ana": None, "eva": 50, "luz": 100}


@dataclass
class Payment:
    """``absorbed``: the newest file has counted it."""

    payment_id: str
    amount: Decimal
    paid_on: date
    reversed: bool = False
    absorbed: bool = False


@dataclass
class Charge:
    """``is_booked``: the creditor's books know it."""

    charge_id: str
    amount: Decimal
    charged_on: date
    reversed: bool = False
    is_booked: bool = False

    def is_known_to_books(self, until: date) -> bool:
        return self.is_booked or self.charged_on <= until


@dataclass
class Promise:
    """A promise, or an instalment of an agreement in force. ``before``: the payments that do not count for it."""

    promise_id: str
    made_on: date
    due_on: date
    amount: Decimal
    before: frozenset[str] = frozenset()
    state: str = "open"
    paid: Decimal = NOTHING

    @property
    def last_day(self) -> date:
        return self.due_on + timedelta(days=GRACE_DAYS)

    def decide(self, day: date) -> None:
        if self.paid == self.amount:
            self.state = "kept"
        elif day <= self.last_day:
            self.state = "open"
        else:
            self.state = "partly_kept" if self.paid else "broken"


@dataclass
class Deal:
    """An agreement from its proposal on. ``parts`` are its instalments, once it is in force."""

    agreement_id: str
    kind: str
    schedule: list[tuple[date, Decimal]]
    discount: Decimal
    balance: Decimal
    valid_until: date
    proposed_by: str
    needs_approval: bool = True
    approved: bool = False
    accepted: bool = False
    state: str = "proposed"
    made_on: date | None = None
    parts: list[Promise] = field(default_factory=list)
    settled_on: date | None = None
    waived: Decimal = NOTHING
    is_booked: bool = False
    """Whether the creditor's books know what was given up."""

    @property
    def total(self) -> Decimal:
        return sum((amount for _, amount in self.schedule), NOTHING)

    def is_known_to_books(self, until: date, days_behind: int) -> bool:
        """Whether the creditor's books know what was given up, when they state what happened before ``until``."""
        is_old = self.settled_on is not None and self.settled_on < until
        return self.waived > 0 and (self.is_booked or is_old or not days_behind)

    @property
    def is_pending(self) -> bool:
        return self.state in ("proposed", "awaiting_approval", "awaiting_acceptance")

    @property
    def is_complete(self) -> bool:
        return (self.approved or not self.needs_approval) and (self.accepted or not self.schedule)


@dataclass
class Contract:
    number: str
    instalments: list[tuple[date, Decimal]]
    contract_id: str = ""
    payments: list[Payment] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    party_id: str = ""
    clarification_id: str = ""
    """The dispute that is open."""
    story: list[str] = field(default_factory=list)

    @property
    def standing_payments(self) -> list[Payment]:
        return [one for one in self.payments if not one.reversed]

    @property
    def owed(self) -> Decimal:
        given_up = sum((deal.waived for deal in self.deals), NOTHING)
        added = sum((one.amount for one in self.charges if not one.reversed), NOTHING)
        return sum((amount for _, amount in self.instalments), NOTHING) + added - given_up

    @property
    def paid(self) -> Decimal:
        return sum((one.amount for one in self.standing_payments), NOTHING)

    @property
    def balance(self) -> Decimal:
        return max(NOTHING, self.owed - self.paid)

    @property
    def pending(self) -> Deal | None:
        return next((deal for deal in self.deals if deal.is_pending), None)

    @property
    def active(self) -> Deal | None:
        return next((deal for deal in self.deals if deal.state == "active"), None)

    def refused_contact(self) -> str | None:
        """The code with which anything new is refused; None when a debtor may agree to something."""
        if self.balance == 0:
            return "contract-closed"
        return "clarification" if self.clarification_id else None

    def refused_promises(self, parts: list[tuple[date, Decimal]], *, is_plan: bool) -> str | None:
        """The code with which a promise or a plan is refused; None when it is taken."""
        if refused := self.refused_contact():
            return refused
        if is_plan and (self.active or self.pending):
            return "plan-open" if self.active else "agreement-pending"
        still_open = [one for one in self.asked if one.state == "open"]
        if {due_on for due_on, _ in parts} & {one.due_on for one in still_open}:
            return "promise-open"
        promised = sum((one.amount - one.paid for one in still_open), NOTHING)
        if sum((amount for _, amount in parts), NOTHING) > max(NOTHING, self.balance - promised):
            return "promises-exceed-balance"
        return None

    @property
    def asked(self) -> list[Promise]:
        """Every promise and instalment."""
        return [*self.promises, *(part for deal in self.deals for part in deal.parts)]

    def refused_proposal(self, who: str, kind: str, discount: Decimal, *, by_offer: bool = False) -> str | None:
        """The code with which a proposal is refused; None when it is taken."""
        if refused := self.refused_contact():
            return refused
        if self.active:
            return "plan-open"
        if self.pending:
            return "agreement-pending"
        if not by_offer and discount * 100 > PROPOSES[who][kind] * self.balance:
            return "discount-above-authority"
        return None

    def refused_decision(self, deal: Deal, who: str, act: str, day: date, by: str = "recording") -> str | None:
        """The code with which an approval or acceptance is refused; None when it is taken."""
        if refused := self.refused_contact():
            return refused
        if not deal.is_pending:
            return "agreement-not-pending"
        if act == "approval":
            if not deal.needs_approval or deal.approved:
                return "agreement-not-pending"
            if who == deal.proposed_by:
                return "same-person"
        else:
            if not deal.schedule or deal.accepted:
                return "agreement-not-pending"
            if by != "recording" and deal.needs_approval and not deal.approved:
                return "second-person-needed"
        if day > deal.valid_until:
            return "offer-expired"
        discount = self.discount_now(deal)
        if discount is None:
            return "balance-changed"
        most = APPROVES[who]
        if act == "approval" and (most is None or discount * 100 > most * self.balance):
            return "discount-above-authority"
        return None

    def discount_now(self, deal: Deal) -> Decimal | None:
        """What an agreement gives up on today's debt; None where its terms no longer fit it."""
        if self.balance < deal.balance or (deal.kind == "restructure" and self.balance != deal.balance):
            return None
        settles_all = deal.schedule and deal.kind != "forgiveness"
        return self.balance - deal.total if settles_all else deal.discount

    def goes_on(self, deal: Deal, day: date, promise_ids: list[str]) -> None:
        """Somebody has approved or accepted. With both the agreement is in force, and replaces the open promises."""
        if not deal.is_complete:
            deal.state = "awaiting_acceptance" if deal.approved else "awaiting_approval"
            return
        for promise in self.promises:
            if promise.state == "open":
                promise.state = "cancelled"
        self.begins(deal, day, promise_ids)

    def begins(self, deal: Deal, day: date, promise_ids: list[str]) -> None:
        """The agreement is in force. What was paid before is off the debt that it is about, unless it is a plan."""
        deal.made_on, deal.state = day, "active"
        before = frozenset(one.payment_id for one in self.standing_payments if one.paid_on >= day)
        deal.parts = [
            Promise(promise_id, day, due_on, amount, frozenset() if deal.kind == "plan" else before)
            for promise_id, (due_on, amount) in zip(promise_ids, deal.schedule, strict=True)
        ]
        self.review(day)

    def cancels(self, deal: Deal, day: date) -> None:
        """An agreement is cancelled by a person. What was paid of it stays paid."""
        deal.state = "cancelled"
        for part in deal.parts:
            if part.state == "open":
                part.state = "cancelled"
        self.review(day)

    def review(self, day: date) -> None:
        """End proposals whose time or contract is over, judge all agreements anew, settle those with final payments."""
        self._end_proposals(day)
        states = dict(self._judged(day))
        for deal in self.deals:
            if deal.agreement_id not in states:
                continue
            deal.state = states[deal.agreement_id]
            if deal.state != "fulfilled":
                deal.settled_on, deal.waived = None, NOTHING
        for deal in self.deals:
            is_due = deal.state == "fulfilled" and deal.kind != "plan" and deal.settled_on is None
            if is_due and self.is_final(deal, day):
                deal.settled_on, deal.waived = day, min(deal.discount, self.balance)
        self._end_proposals(day)

    def _end_proposals(self, day: date) -> None:
        for deal in self.deals:
            if deal.is_pending and (deal.valid_until < day or self.balance == 0):
                deal.state = "cancelled"

    def is_final(self, deal: Deal, day: date) -> bool:
        """Files have counted every payment, or the bank can no longer take one of the agreement back."""
        assert deal.made_on is not None
        its = [one for one in self.standing_payments if one.paid_on >= deal.made_on]
        late = all(one.paid_on + timedelta(days=LAG_DAYS) < day for one in its)
        return late or all(one.absorbed for one in self.standing_payments)

    def _judged(self, day: date) -> Iterator[tuple[str, str]]:
        """Each agreement in force with its state. An agreement that a newer one followed stays broken."""
        in_force = [deal for deal in self.deals if deal.made_on is not None and deal.state != "cancelled"]
        cancelled = [deal for deal in self.deals if deal.made_on is not None and deal.state == "cancelled"]
        newest = max((deal.agreement_id for deal in self.deals if deal.made_on is not None), default="")
        superseded = {deal.agreement_id for deal in in_force if deal.state == "broken" and deal.agreement_id != newest}
        dropped = {one: self.ended[one] for one in superseded}
        while True:
            counted = [one for one in self.promises if one.state != "cancelled"]
            counted += [part for deal in cancelled for part in deal.parts if part.state != "cancelled"]
            for deal in in_force:
                last = dropped.get(deal.agreement_id, date.max)
                counted += [part for part in deal.parts if part.due_on <= last]
            self._count(counted, day)
            lost = {
                deal.agreement_id: min(due_on for due_on in late)
                for deal in in_force
                if (late := [part.due_on for part in deal.parts if part in counted and part.state in LOST])
            }
            given_up = [part for deal in cancelled for part in deal.parts if part.state == "open"]
            for part in given_up:
                part.state = "cancelled"
            if dropped == dropped | lost and not given_up:
                break
            dropped |= lost
        self.ended |= lost
        for deal in in_force:
            is_over = deal.agreement_id in dropped
            for part in deal.parts:
                if is_over and (part not in counted or part.state == "open"):
                    part.state = "cancelled"
            is_missing = any(part.state == "open" for part in deal.parts)
            yield deal.agreement_id, "broken" if is_over else "active" if is_missing else "fulfilled"

    def _count(self, promises: list[Promise], day: date) -> None:
        """Count each cent once: for the promise that is due first, from the first payment on."""
        left = {one.payment_id: one.amount for one in self.standing_payments}
        for promise in sorted(promises, key=lambda one: (one.due_on, one.made_on, one.promise_id)):
            promise.paid = NOTHING
            for one in sorted(self.standing_payments, key=lambda one: (one.paid_on, one.payment_id)):
                if promise.made_on <= one.paid_on <= promise.last_day and one.payment_id not in promise.before:
                    taken = min(left[one.payment_id], promise.amount - promise.paid)
                    left[one.payment_id] -= taken
                    promise.paid += taken
            promise.decide(day)

    ended: dict[str, date] = field(default_factory=dict)
    """The first due day that each broken agreement has missed. What falls due after it was never asked for."""

    def books(self, as_of: date, days_behind: int) -> tuple[list[tuple[int, date, Decimal]], set[str]]:
        """What the creditor's books state as unpaid, and the payments that they know. They are some days behind."""
        until = as_of - timedelta(days=days_behind)
        known = {one.payment_id for one in self.standing_payments if one.absorbed or one.paid_on <= until}
        counted = sum((one.amount for one in self.standing_payments if one.payment_id in known), NOTHING)
        counted += sum((deal.waived for deal in self.deals if deal.is_known_to_books(until, days_behind)), NOTHING)
        added = sum((one.amount for one in self.charges if not one.reversed and one.is_known_to_books(until)), NOTHING)
        *earlier, (last_due_on, last_amount) = self.instalments
        rows = []
        for number, (due_on, amount) in enumerate([*earlier, (last_due_on, last_amount + added)], start=1):
            taken = min(counted, amount)
            counted -= taken
            if amount > taken:
                rows.append((number, due_on, amount - taken))
        return rows, known
