"""Reaching a plan. A plan is a schedule of promises that is kept or broken as a whole."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from chassis import Amount, Conflict, Day, InputModel, Principal
from pydantic import AfterValidator, Field, model_validator
from recobro_events import Row, Transaction
from recobro_events.contracts.promises import AgreedInstalment, AgreementKind, AgreementReached, MadeIn

from promises.agreements import queries, rules
from promises.agreements.reading import Agreement, read
from promises.outcomes.counting import NOTHING
from promises.outcomes.judging import judge
from promises.taking.conditions import (
    Maker,
    Part,
    maker,
    open_contract,
    refuse_bad_due_days,
    refuse_beyond_limits,
    refuse_more_than_owed,
    refuse_too_many,
)
from promises.taking.making import EntersAgain, write
from promises.taking.rules import MAX_DAYS_AHEAD_OF_PLAN


class PlanOpen(Conflict):
    code = "plan-open"
    detail = "This contract has an open plan already."


class AgreementKnown(Conflict):
    code = "agreement-known"
    detail = "There is a plan with this id already."


class NewInstalment(InputModel):
    """``promise_id`` is for an instalment of a plan that is entered again: the id that its first entry had."""

    due_on: Day
    amount: Amount
    promise_id: UUID | None = None


def _valid_schedule(instalments: tuple[NewInstalment, ...]) -> tuple[NewInstalment, ...]:
    if refused := rules.schedule_refused([instalment.due_on for instalment in instalments]):
        raise ValueError(refused)
    return instalments


class NewAgreement(InputModel):
    """``made_in`` and ``agency_id`` mean the same as for a promise. ``made_in`` defaults to ``agency`` for an agency's
    token and to ``call`` for any other token.

    ``agreement_id`` is for a plan that an operator enters again after a restore: the id that its first entry had. Each
    of its instalments then has its ``promise_id``.
    """

    contract_id: UUID
    kind: Literal[AgreementKind.PLAN]
    instalments: Annotated[
        tuple[NewInstalment, ...],
        # ``min_length`` would count an invalid instalment as missing, so ``_valid_schedule`` checks the minimum.
        Field(max_length=rules.MAX_INSTALMENTS, json_schema_extra={"minItems": rules.MIN_INSTALMENTS}),
        AfterValidator(_valid_schedule),
    ]
    made_in: MadeIn | None = None
    agency_id: UUID | None = None
    agreement_id: UUID | None = None

    @model_validator(mode="after")
    def _ids_of_all_or_none(self) -> Self:
        if {self.agreement_id is None} != {one.promise_id is None for one in self.instalments}:
            raise ValueError("must have the ids of the plan and of all its instalments, or none of them")
        return self


async def reach(tx: Transaction, who: Principal, new: NewAgreement) -> Agreement:
    """Agree on a plan. Each instalment is a promise and is judged at once. A contract has at most one open plan."""
    await _refuse_known(tx, who, new)
    made_in = new.made_in or (MadeIn.CALL if who.agency_id is None else MadeIn.AGENCY)
    made = maker(who, made_in, new.agency_id)
    contract = await open_contract(tx, new.contract_id, who)
    if await tx.fetchval(queries.HAS_OPEN_PLAN, new.contract_id):
        raise PlanOpen()
    total = sum((instalment.amount for instalment in new.instalments), NOTHING)
    refuse_more_than_owed(contract, total, "/instalments")
    parts = [Part(one.due_on, one.amount, f"/instalments/{n}", one.promise_id) for n, one in enumerate(new.instalments)]
    await refuse_bad_due_days(tx, contract, parts, MAX_DAYS_AHEAD_OF_PLAN)
    await refuse_beyond_limits(tx, contract, who, total, "/instalments")
    await refuse_too_many(tx, contract, len(parts))
    agreement_id = await _write(tx, contract, made, parts, total, new.agreement_id)
    await judge(tx, {new.contract_id: None})
    return await read(tx, agreement_id, who)


async def _refuse_known(tx: Transaction, who: Principal, new: NewAgreement) -> None:
    """Refuse a plan that is entered again by an agency, or that is there already with one of its instalments."""
    if new.agreement_id is None:
        return
    if who.agency_id is not None:
        raise EntersAgain("Only an operator enters a plan again.")
    if await tx.fetchval(queries.IS_KNOWN, new.agreement_id, [one.promise_id for one in new.instalments]):
        raise AgreementKnown(extra={"agreement_id": new.agreement_id})


async def _write(
    tx: Transaction, contract: Row, made: Maker, parts: Sequence[Part], total: Decimal, entered_id: UUID | None
) -> UUID:
    settles_in_full = total == contract["total_balance"]
    contract_id, currency = contract["contract_id"], contract["currency"]
    values = (contract_id, AgreementKind.PLAN, currency, total, settles_in_full, contract["made_on"], *made, entered_id)
    written = await tx.fetchrow(queries.REACH, *values)
    assert written is not None
    agreement_id: UUID = written["agreement_id"]
    promises = await write(tx, contract, made, parts, agreement_id)
    schedule = (AgreedInstalment(promise_id=p["promise_id"], due_on=p["due_on"], amount=p["amount"]) for p in promises)
    tx.publish(
        AgreementReached(
            contract_id=contract_id,
            agreement_id=agreement_id,
            version=written["version"],
            kind=AgreementKind.PLAN,
            schedule=tuple(schedule),
            discount=NOTHING,
            currency=currency,
            settles_in_full=settles_in_full,
        )
    )
    return agreement_id
