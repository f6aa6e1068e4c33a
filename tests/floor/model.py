"""A plain model of the rules of a collections floor, written from their description and from nothing of the services.

It knows no database, no events and no order between services. It holds facts, and each rule is a function of the facts
and of a day.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from floor.facts import (
    FINAL,
    HOLDOFF_DAYS,
    LEAST_OVERDUE,
    ORDER,
    RECALL_GRACE_DAYS,
    Call,
    Entry,
    Pause,
    Payment,
    Person,
    Placement,
    Promise,
    Visit,
)


@dataclass
class Contract:
    """What happened to one contract, and ``story``: the same for people."""

    contract_id: str
    number: str
    phone: str
    person: Person
    instalments: list[tuple[date, Decimal]]
    payments: list[Payment] = field(default_factory=list)
    disputes: list[str] = field(default_factory=list)
    claims: list[date] = field(default_factory=list)
    """The days on which the debtor said that it was paid."""
    promises: list[Promise] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    placements: list[Placement] = field(default_factory=list)
    undecided_file: str | None = None
    undecided_for: Person | None = None
    entry: Entry | None = None
    calls: list[Call] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    # Money: a payment pays the oldest instalment first. A reversed payment counts for nothing.

    def unpaid(self) -> list[tuple[date, Decimal]]:
        money = sum((one.amount for one in self.payments if not one.reversed), Decimal(0))
        left = []
        for due_on, amount in sorted(self.instalments):
            paid = min(amount, money)
            money -= paid
            if amount > paid:
                left.append((due_on, amount - paid))
        return left

    def total(self) -> Decimal:
        return sum((amount for _, amount in self.unpaid()), Decimal(0))

    def overdue(self, day: date) -> Decimal:
        return sum((amount for due_on, amount in self.unpaid() if due_on < day), Decimal(0))

    def is_settled(self) -> bool:
        return self.total() == 0

    # Stages: early from the first day past due, late from the 31st, legal from the 91st. Paused days do not count.

    def days_past_due(self, day: date) -> int:
        if not (unpaid := self.unpaid()):
            return 0
        oldest = unpaid[0][0]
        days = (oldest + timedelta(days=n) for n in range(1, (day - oldest).days + 1))
        return sum(not any(one.starts_on <= on <= one.ends_on for one in self.pauses) for on in days)

    def stage(self, day: date) -> str:
        late = self.days_past_due(day)
        return "current" if late <= 0 else "early" if late <= 30 else "late" if late <= 90 else "legal"

    # Silence.

    def silent_for_payment(self, day: date) -> bool:
        return any(not one.reversed and day < one.day + timedelta(days=HOLDOFF_DAYS) for one in self.payments)

    def _holds(self, day: date) -> Iterator[str]:
        if self.undecided_file:
            yield "unknown_state"
        if self.is_settled():
            yield "paid_off" if self.silent_for_payment(day) else "closed"
        if self.person.status in FINAL:
            yield self.person.status
        if self.disputes:
            yield "clarification"
        if self.silent_for_payment(day):
            yield "payment"
        if any(day < claimed_on + timedelta(days=HOLDOFF_DAYS) for claimed_on in self.claims):
            yield "payment_claimed"
        if any(one.state == "open" and day <= one.silent_until for one in self.promises):
            yield "promise"
        if any(one.starts_on <= day <= one.ends_on for one in self.pauses):
            yield "paused"

    def reason(self, day: date) -> str | None:
        """Why nobody may contact the debtor on the day."""
        holding = set(self._holds(day))
        first = next((reason for reason in ORDER if reason in holding), None)
        return "payment" if first == "paid_off" else first

    def silences(self, day: date) -> set[str]:
        """The reasons that agencies are told of. That a contract is closed they learn from its recall.

        Agencies are not told of claimed payments.
        """
        return set(self._holds(day)) - {"paid_off", "closed", "payment_claimed"}

    # Promises: kept by payments from the day they were made to the end of their grace, else broken after it. A payment
    # counts once, first for the promise that is due first. Death cancels what is open.

    def judge_promises(self, day: date) -> None:
        left = {one.payment_id: one.amount for one in self.payments if not one.reversed}
        for promise in sorted(self.promises, key=lambda one: one.due_on):
            if promise.state == "cancelled":
                continue
            missing = promise.amount
            for payment in self.payments:
                if payment.payment_id in left and promise.made_on <= payment.day <= promise.silent_until:
                    share = min(missing, left[payment.payment_id])
                    missing -= share
                    left[payment.payment_id] -= share
            promise.state = "kept" if missing == 0 else "broken" if day > promise.silent_until else "open"
            if promise.state == "open" and self.person.status == "deceased":
                promise.state = "cancelled"

    # Placement: the rules look at stage, balance and status.

    def is_wanted(self, day: date) -> bool:
        return (
            not self.is_settled()
            and self.person.status not in FINAL
            and self.stage(day) in ("early", "late")
            and self.overdue(day) > LEAST_OVERDUE
        )

    @property
    def placement(self) -> Placement | None:
        """The placement by which an agency has the contract, or which is being recalled."""
        return next((one for one in self.placements if one.state in ("active", "recall_pending", "objected")), None)

    def _recall_reason(self, day: date) -> str:
        if self.person.status in FINAL:
            return self.person.status
        return "paid_in_full" if self.overdue(day) == 0 else "no_longer_eligible"

    def review(self, day: date, rule: "Rule") -> None:
        """Recalls, ends and places as rules and dates demand."""
        placed = self.placement
        if placed and placed.state != "active":
            assert placed.final_on is not None
            fits = self.is_wanted(day) or self._recall_reason(day) == placed.waived
            if placed.state == "recall_pending" and placed.final_on < day:
                placed.state = "recalled"
            elif placed.reason in FINAL and not placed.on_request and self.person.status not in FINAL and fits:
                placed.state, placed.reason = "active", None
        elif placed and not self.is_wanted(day) and self._recall_reason(day) != placed.waived:
            self.recall(day, self._recall_reason(day))
        if self.placement is None and self.is_wanted(day):
            refused = {one.agency_id for one in self.placements if one.on_request}
            if agency := rule.agency_for(self.contract_id, refused):
                self.placements.append(Placement(agency, day))

    def recall(self, day: date, reason: str, *, on_request: bool = False) -> None:
        placed = self.placement
        assert placed is not None
        placed.state, placed.reason, placed.on_request = "recall_pending", reason, on_request
        placed.final_on = day + timedelta(days=RECALL_GRACE_DAYS)

    def reinstate(self, day: date) -> None:
        """A reversal withdraws the recall that the payment brought about, while it is pending."""
        placed = self.placement
        if placed is None or placed.state not in ("recall_pending", "objected") or placed.on_request:
            return
        fits = self.is_wanted(day) or self._recall_reason(day) == placed.waived
        if placed.reason in ("paid_in_full", "no_longer_eligible") and fits:
            placed.state, placed.reason = "active", None

    # Lists.

    def may_be_dialed(self) -> bool:
        return self.phone not in self.person.opted_out | self.person.wrong

    def active_agency(self) -> str | None:
        placed = self.placement
        return placed.agency_id if placed and placed.state == "active" else None

    def is_listed(self, day: date, agency_id: str) -> bool:
        silent = self.reason(day) is not None or not self.may_be_dialed()
        return self.is_wanted(day) and not silent and self.active_agency() == agency_id

    def withdraw(self, day: date) -> None:
        """An entry leaves the live list for the first reason that holds, and never comes back.

        A contract leaves the entry that names it when another person gets the one or the other.
        """
        if self.entry is None or self.entry.withdrawn is not None:
            return
        self.entry.withdrawn = self.reason(day) or (None if self.may_be_dialed() else "no_phone")
        if self.entry.withdrawn is None and self.active_agency() != self.entry.campaign:
            self.entry.withdrawn = "recall"
        if self.entry.lead is not None and self.entry.lead.person is not self.person:
            self.entry.withdrawn = self.entry.withdrawn or "no_longer_eligible"
        if self.placement is None or self.placement.reason == "no_longer_eligible":
            self.entry.or_else = ("recall", "no_longer_eligible")

    # Calls.

    def is_wrongful(self, day: date, agency_id: str) -> bool:
        """Whether a call of the agency is wrongful now: contract or number are silent, or it has lost the contract."""
        if self.reason(day) is not None or not self.may_be_dialed():
            return True
        had = any(one.agency_id == agency_id for one in self.placements)
        return had and self.active_agency() != agency_id

    # Visits.

    def _reason_at_the_door(self, on: date) -> str | None:
        reason = self.reason(on)
        return "payment" if reason == "payment_claimed" else reason

    def visit_refusal(self, on: date, day: date) -> str | None:
        """Why no visit can be ordered for the day ``on``."""
        if reason := self._reason_at_the_door(on):
            return reason
        if self.overdue(day) <= 0:
            return "nothing_overdue"
        return "visit_exists" if any(one.on == on and one.state == "ordered" for one in self.visits) else None

    def cancel_visits(self, day: date, *, paid_by: str | None = None, disputed_or_final: str | None = None) -> None:
        """A payment cancels every open visit, death and dispute too; the others cancel the visits of silent days."""
        for one in self.visits:
            if paid_by and one.on >= day and (one.state == "ordered" or one.reason == "payment"):
                one.payments.add(paid_by)
            if one.state != "ordered":
                continue
            reason = "payment" if paid_by else disputed_or_final or self._reason_at_the_door(one.on)
            if reason is None and self.overdue(day) <= 0:
                reason = "nothing_overdue"
            if reason:
                one.state, one.reason = "cancelled", reason

    def restore_visits(self, payment_id: str, day: date) -> None:
        """A reversal orders again what only reversed payments had cancelled, on later days without silence."""
        reversed_ids = {one.payment_id for one in self.payments if one.reversed}
        for one in reversed(self.visits):
            if one.state != "cancelled" or payment_id not in one.payments or one.payments - reversed_ids:
                continue
            if one.on > day and self.visit_refusal(one.on, day) is None:
                one.state, one.reason = "ordered", None
                one.payments.clear()


@dataclass(frozen=True)
class Rule:
    """A placement rule with the weights of its agencies. The same input gives the same split."""

    rule_id: str
    weights: dict[str, int]

    def agency_for(self, contract_id: str, refused: set[str]) -> str | None:
        digest = hashlib.sha256(UUID(contract_id).bytes + UUID(self.rule_id).bytes).digest()
        number = int.from_bytes(digest[:8]) % sum(self.weights.values())
        agencies: Sequence[str] = sorted(self.weights, key=lambda agency: UUID(agency).int)
        first = 0
        while number >= self.weights[agencies[first]]:
            number -= self.weights[agencies[first]]
            first += 1
        in_turn = [*agencies[first:], *agencies[:first]]
        return next((agency for agency in in_turn if agency not in refused), None)
