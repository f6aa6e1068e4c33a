"""Agreements as promises publishes them, for the tests of the portfolio."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from portfolio_builders import TODAY
from recobro_events.contracts.promises import (
    AgreedInstalment,
    AgreementBroken,
    AgreementCancelled,
    AgreementFulfilled,
    AgreementKind,
    AgreementReached,
    AgreementReopened,
    AgreementSettled,
    ProposalChanged,
    ProposalState,
    ProposedInstalment,
    ProposedTerms,
)

Json = dict[str, Any]


class Deal:
    """An agreement as promises publishes it."""

    def __init__(self, contract_id: UUID, kind: AgreementKind, discount: str, *parts: tuple[int, str]) -> None:
        self.ids = {"contract_id": contract_id, "agreement_id": uuid4()}
        self.kind, self.discount, self.parts = kind, Decimal(discount), parts
        self.version = 0

    def _next(self) -> Json:
        self.version += 1
        return {**self.ids, "version": self.version}

    def proposed(self, version: int = 1, state: str = "proposed", *, awaits: bool = True) -> ProposalChanged:
        """The proposal of the agreement. Its versions are its own."""
        schedule = tuple(
            ProposedInstalment(due_on=TODAY + timedelta(days=due), amount=Decimal(amount)) for due, amount in self.parts
        )
        total = sum((part.amount for part in schedule), Decimal("0.00"))
        return ProposalChanged(
            **self.ids,
            version=version,
            kind=self.kind,
            state=ProposalState(state),
            total=total,
            discount=self.discount,
            currency="MXN",
            valid_until=TODAY + timedelta(days=5),
            awaits_second_person=awaits,
            terms=ProposedTerms(
                proposed_on=TODAY,
                balance=total + self.discount,
                discount=self.discount,
                settles_in_full=True,
                schedule=schedule,
                sha256="5e" * 32,
            ),
        )

    def reached(self) -> AgreementReached:
        schedule = (
            AgreedInstalment(promise_id=uuid4(), due_on=TODAY + timedelta(days=due), amount=Decimal(amount))
            for due, amount in self.parts
        )
        facts: Json = {"kind": self.kind, "discount": self.discount, "currency": "MXN", "settles_in_full": True}
        return AgreementReached(**self._next(), schedule=tuple(schedule), made_on=TODAY, **facts)

    def settled(self, forgiven: str | None = None, on: date = TODAY) -> AgreementSettled:
        facts: Json = {"kind": self.kind, "discount": self.discount, "currency": "MXN", "settles_in_full": True}
        given_up = None if forgiven is None else Decimal(forgiven)
        return AgreementSettled(**self._next(), made_on=TODAY, settled_on=on, forgiven=given_up, **facts)

    def fulfilled(self) -> AgreementFulfilled:
        return AgreementFulfilled(**self._next())

    def broken(self) -> AgreementBroken:
        return AgreementBroken(**self._next())

    def reopened(self) -> AgreementReopened:
        return AgreementReopened(**self._next())

    def cancelled(self) -> AgreementCancelled:
        return AgreementCancelled(**self._next(), reason="debtor_deceased")
