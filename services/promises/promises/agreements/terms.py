"""The body of a new agreement, and the terms that it makes on a contract."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from chassis import Amount, Count, Day, FieldError, InputModel, Invalid, ShortText
from pydantic import AfterValidator, Field, ValidationInfo, model_validator
from recobro_events.contracts.promises import AgreementKind, MadeIn

from promises.agreements import rules
from promises.agreements.rules import Terms
from promises.offers.making import Made
from promises.offers.schedules import Frequency, due_days, split


class NewInstalment(InputModel):
    """``promise_id`` is for an instalment of a plan that is entered again: the id that its first entry had."""

    due_on: Day
    amount: Amount
    promise_id: UUID | None = None


def _valid_schedule(
    instalments: tuple[NewInstalment, ...] | None, info: ValidationInfo
) -> tuple[NewInstalment, ...] | None:
    if instalments is not None:
        least = rules.MIN_INSTALMENTS if info.data.get("kind") == AgreementKind.PLAN else 1
        if refused := rules.schedule_refused([instalment.due_on for instalment in instalments], least):
            raise ValueError(refused)
    return instalments


Schedule = Annotated[
    # ``min_length`` would count an invalid instalment as missing, so ``_valid_schedule`` checks the minimum.
    Annotated[tuple[NewInstalment, ...], Field(max_length=rules.MAX_INSTALMENTS, json_schema_extra={"minItems": 1})]
    | None,
    AfterValidator(_valid_schedule),
]


class NewAgreement(InputModel):
    """What the debtor pays is stated in one of these ways:

    - ``schedule``, or as before ``instalments``: each day and amount;
    - ``instalment_count`` (or ``instalments`` as a number), ``first_due_on`` and ``frequency``: the total balance less
      ``discount`` in equal amounts, rounded down to the cent; the last one takes the rest. With ``first_payment`` the
      first one is that amount, and the others share what it leaves;
    - ``offer_id``: an offer that is made now;
    - nothing, for a forgiveness without a payment.

    ``discount`` is what the creditor gives up once all is paid; without it, what the schedule leaves of the total
    balance. ``made_in``, ``agency_id`` and ``party_id`` mean the same as for a promise. ``made_in`` defaults to
    ``agency`` for an agency's token and to ``call`` for any other token.

    ``agreement_id`` is for a plan that an operator enters again after a restore: the id that its first entry had. Each
    of its instalments then has its ``promise_id``.
    """

    contract_id: UUID
    kind: AgreementKind
    schedule: Schedule = None
    instalments: Schedule = None
    instalment_count: Annotated[Count, Field(ge=1, le=rules.MAX_INSTALMENTS)] | None = None
    first_due_on: Day | None = None
    frequency: Frequency | None = None
    first_payment: Amount | None = None
    discount: Amount | None = None
    offer_id: ShortText | None = None
    made_in: MadeIn | None = None
    agency_id: UUID | None = None
    party_id: UUID | None = None
    agreement_id: UUID | None = None

    @model_validator(mode="before")
    @classmethod
    def _number_of_instalments(cls, given: Any) -> Any:
        if not isinstance(given, dict) or type(number := given.get("instalments")) is not int:
            return given
        return {name: value for name, value in given.items() if name != "instalments"} | {"instalment_count": number}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = (self.schedule, self.instalments, self.instalment_count, self.offer_id)
        given = sum(way is not None for way in ways)
        if given > 1 or (given == 0 and self.kind is not AgreementKind.FORGIVENESS):
            raise ValueError("must have one of schedule, instalments and offer_id")
        if (self.instalment_count is None) != (self.first_due_on is None) or (self.frequency and not self.first_due_on):
            raise ValueError("must have the number of instalments, first_due_on and frequency together")
        if self.instalment_count is not None and self.instalment_count > 1 and self.frequency is None:
            raise ValueError("must have the frequency of several instalments")
        if self.first_payment is not None and self.instalment_count is None:
            raise ValueError("must have a first_payment only with the number of instalments")
        if self.offer_id is not None and self.discount is not None:
            raise ValueError("must have no discount with an offer_id: the offer states it")
        if self.kind is AgreementKind.PLAN and self.discount is not None:
            raise ValueError("must have no discount in a plan")
        return self

    @model_validator(mode="after")
    def _ids_of_all_or_none(self) -> Self:
        named = {one.promise_id is not None for one in self.planned}
        if self.agreement_id is None and True not in named:
            return self
        if self.kind is not AgreementKind.PLAN or self.agreement_id is None or named != {True}:
            raise ValueError("must have the ids of the plan and of all its instalments, or none of them")
        return self

    @property
    def planned(self) -> tuple[NewInstalment, ...]:
        return self.schedule or self.instalments or ()

    @property
    def pointer(self) -> str:
        """The field that states the schedule."""
        if self.instalment_count is not None:
            return "/instalment_count"
        if self.offer_id is not None:
            return "/offer_id"
        return "/schedule" if self.schedule is not None else "/instalments"


def terms_of(new: NewAgreement, balance: Decimal, offer: Made | None = None) -> Terms:
    """Return the terms that the body, or its offer, states on a contract that owes ``balance``. ``Invalid`` where it
    states none."""
    if offer is not None:
        if offer.kind is not new.kind:
            raise _mistake("/kind", f"must be the kind of the offer, {offer.kind}")
        return Terms(offer.kind, offer.schedule, offer.discount, balance)
    schedule = tuple((one.due_on, one.amount) for one in new.planned)
    discount = new.discount
    if new.instalment_count is not None:
        discount = discount or Decimal("0.00")
        schedule = _generated(new, balance - discount)
    total = sum((amount for _, amount in schedule), Decimal("0.00"))
    if discount is None:
        if total > balance:
            raise _mistake(new.pointer, "must not be more than the total balance")
        needs_all = new.kind is not AgreementKind.FORGIVENESS or bool(schedule)
        discount = balance - total if needs_all else Decimal("0.00")
    terms = Terms(new.kind, schedule, discount, balance)
    if new.kind is not AgreementKind.PLAN and (refused := rules.terms_refused(terms)):
        field, why = refused
        raise _mistake(new.pointer if field == "schedule" else f"/{field}", why)
    return terms


def _generated(new: NewAgreement, total: Decimal) -> tuple[tuple[date, Decimal], ...]:
    assert new.instalment_count is not None
    assert new.first_due_on is not None
    amounts = split(total, new.instalment_count, new.first_payment) if total > 0 else None
    if amounts is None:
        raise _mistake("/first_payment" if new.first_payment else "/instalment_count", "leaves nothing to pay")
    days = due_days(new.first_due_on, new.instalment_count, new.frequency or Frequency.MONTHLY)
    return tuple(zip(days, amounts, strict=True))


def _mistake(pointer: str, why: str) -> Invalid:
    return Invalid("These terms make no agreement on this contract.", errors=[FieldError(pointer, why)])
