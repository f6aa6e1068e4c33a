"""An agreement comes into force: its payments become promises, and it replaces the promises that were open before."""

from decimal import Decimal

from chassis import Conflict
from recobro_events import Row, Transaction
from recobro_events.contracts.promises import AgreementFulfilled, AgreementReached

from promises.agreements import queries
from promises.agreements.proposed import terms_of_proposal
from promises.agreements.reaching import PlanOpen, schedule_of
from promises.agreements.rules import discount_now
from promises.agreements.settling import settle
from promises.offers.finding import OfferExpired
from promises.outcomes.judging import judge
from promises.taking.conditions import Maker, Part, refuse_too_many
from promises.taking.making import write
from promises.taking.rules import first_due_day

REPLACED = "agreement_reached"
"""The reason for which an agreement cancels the open promises of its contract."""


class BalanceChanged(Conflict):
    code = "balance-changed"
    detail = "The debt is another one than at the proposal. Make a new proposal."


def discount_of(contract: Row, proposal: Row) -> Decimal:
    """Return what the creditor would give up now. ``OfferExpired``, ``BalanceChanged``."""
    terms = terms_of_proposal(proposal)
    first = first_due_day(contract["made_on"], contract["business_date"], contract["checked_to"])
    if contract["made_on"] > proposal["valid_until"] or any(due_on < first for due_on, _ in terms.schedule):
        raise OfferExpired(extra={"valid_until": proposal["valid_until"]})
    discount = discount_now(terms, contract["total_balance"])
    if discount is None:
        raise BalanceChanged(extra={"proposed_on_balance": proposal["balance"]})
    return discount


async def begin(tx: Transaction, contract: Row, proposal: Row) -> None:
    """Bring an agreement into force. The contract is locked and open, and everybody who has to has agreed.

    ``OfferExpired``, ``BalanceChanged``, ``PlanOpen``.
    """
    contract_id = contract["contract_id"]
    discount = discount_of(contract, proposal)
    if await tx.fetchval(queries.HAS_OPEN_PLAN, contract_id):
        raise PlanOpen()
    terms = terms_of_proposal(proposal)
    await refuse_too_many(tx, contract, len(terms.schedule))
    begun = await tx.fetchrow(queries.BEGIN, proposal["agreement_id"], discount, contract["made_on"])
    assert begun is not None
    promises: list[Row] = []
    if terms.schedule:
        parts = [Part(due_on, amount, "") for due_on, amount in terms.schedule]
        promises = await write(
            tx,
            contract,
            Maker(proposal["made_in"], proposal["agency_id"], proposal["party_id"]),
            parts,
            begun["agreement_id"],
        )
        await tx.execute(queries.OF_PROPOSER, begun["agreement_id"], begun["actor"])
    tx.publish(
        AgreementReached(
            contract_id=contract_id,
            agreement_id=begun["agreement_id"],
            version=1,
            kind=begun["kind"],
            schedule=schedule_of(promises),
            discount=discount,
            currency=begun["currency"],
            settles_in_full=begun["settles_in_full"],
            made_on=begun["made_on"],
            paid_before=tuple(begun["paid_before"]),
        )
    )
    replaced = [row["promise_id"] for row in await tx.fetch(queries.OPEN_PROMISES, contract_id)]
    await judge(tx, {contract_id: None}, cancel=dict.fromkeys(replaced, REPLACED))
    if not promises:
        tx.publish(
            AgreementFulfilled(contract_id=contract_id, agreement_id=begun["agreement_id"], version=begun["version"])
        )
        await settle(tx, [contract_id])
