"""Making promises: single promises, and the steps that plans share with them."""

from collections.abc import Sequence
from uuid import UUID

import jurisdictions
from chassis import Amount, Conflict, Day, Forbidden, InputModel, Principal
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import PromiseLimits
from recobro_events.contracts.promises import MadeIn, PromiseMade

from promises.outcomes.counting import silent_until
from promises.outcomes.judging import judge
from promises.taking import queries, rules
from promises.taking.conditions import (
    Maker,
    Part,
    maker,
    open_contract,
    refuse_bad_due_days,
    refuse_beyond_limits,
    refuse_more_than_owed,
    refuse_stranger,
    refuse_too_many,
)
from promises.taking.reading import Promise, read


class NewPromise(InputModel):
    """``agency_id`` is required where ``made_in`` is ``agency``, unless the token is an agency's own.

    ``party_id`` is the party that promises, such as a joint obligor; without it the debtor does. The promise is the
    contract's, and so are the payments for it, whoever makes them.

    ``promise_id`` is for a promise that an operator enters again after a restore: the id that its first entry had.
    """

    contract_id: UUID
    amount: Amount
    due_on: Day
    made_in: MadeIn
    agency_id: UUID | None = None
    party_id: UUID | None = None
    promise_id: UUID | None = None


class PromiseKnown(Conflict):
    code = "promise-known"
    detail = "There is a promise with this id already."


class EntersAgain(Forbidden):
    code = "operators-only"
    detail = "Only an operator enters a promise again."


async def make(tx: Transaction, who: Principal, new: NewPromise) -> Promise:
    """Make a promise on the earlier of business date and today. Judge it at once: a payment of that day may keep it."""
    if new.promise_id is not None and who.agency_id is not None:
        raise EntersAgain()
    made = maker(who, new.made_in, new.agency_id, new.party_id)
    if new.promise_id is not None and await tx.fetchrow(queries.PROMISE, new.promise_id, None) is not None:
        raise PromiseKnown(extra={"promise_id": new.promise_id})
    contract = await open_contract(tx, new.contract_id, who)
    await refuse_stranger(tx, contract, made.party_id)
    refuse_more_than_owed(contract, new.amount, "/amount")
    parts = [Part(new.due_on, new.amount, "", new.promise_id)]
    max_days_ahead = rules.limits_of(contract["promise_limits"]).max_days_ahead
    await refuse_bad_due_days(tx, contract, parts, max_days_ahead)
    await refuse_beyond_limits(tx, contract, who, new.amount, "/amount")
    await refuse_too_many(tx, contract, len(parts))
    [row] = await write(tx, contract, made, parts)
    await judge(tx, {new.contract_id: None})
    return await read(tx, row["promise_id"], None)


async def write(
    tx: Transaction, contract: Row, made: Maker, parts: Sequence[Part], agreement_id: UUID | None = None
) -> list[Row]:
    """Write and publish the promises, open and unpaid, and return them by ``due_on``. The caller judges them next."""
    limits = rules.limits_of(contract["promise_limits"])
    common = (
        contract["contract_id"],
        contract["portfolio_id"],
        agreement_id,
        made.agency_id,
        contract["currency"],
        contract["made_on"],
        made.made_in,
        contract["episode"],
        contract["segment"],
        limits.tolerance,
        made.party_id,
    )
    calendar = jurisdictions.profile(contract["jurisdiction"]) if _by_calendar(contract, limits) else None
    schedule = [(part.due_on, silent_until(part.due_on, calendar), part.amount, part.promise_id) for part in parts]
    rows = await tx.fetch(queries.MAKE, *common, *zip(*schedule, strict=True))
    rows.sort(key=lambda row: row["due_on"])
    tx.publish(*(made_event(row) for row in rows))
    return rows


def _by_calendar(contract: Row, limits: PromiseLimits) -> bool:
    """Whether days of grace are business days. Before a rebuild the portfolio's jurisdiction may not be known."""
    return limits.grace_in_business_days and contract["jurisdiction"] is not None


def made_event(row: Row) -> PromiseMade:
    """Return ``PromiseMade`` for the promise in this row, with its current values."""
    return PromiseMade(
        contract_id=row["contract_id"],
        promise_id=row["promise_id"],
        version=row["version"],
        due_on=row["due_on"],
        silent_until=row["silent_until"],
        promised=row["amount"],
        paid=row["paid"],
        currency=row["currency"],
        agreement_id=row["agreement_id"],
        made_on=row["made_on"],
        made_in=row["made_in"],
        agency_id=row["agency_id"],
        party_id=row["party_id"],
    )
