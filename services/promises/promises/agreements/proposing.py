"""Proposing an agreement other than a plan: what is paid, what is given up for it, and who has to agree."""

import secrets
from datetime import date, timedelta

from chassis import Principal
from chassis.second_person import AGENCY, roles_of
from recobro_events import Row, Transaction
from recobro_events.contracts.promises import AgreementKind

from promises.agreements import queries, rules
from promises.agreements.beginning import begin
from promises.agreements.reaching import maker_of, offer_in, refuse_another
from promises.agreements.reading import Agreement, read
from promises.agreements.rules import Terms
from promises.agreements.stating import state_changes
from promises.agreements.terms import NewAgreement, terms_of
from promises.authority.asking import DiscountAboveAuthority, authority_of
from promises.taking.conditions import Maker, Part, open_contract, refuse_bad_due_days, refuse_stranger

_CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without letters and digits that sound or look alike."""
_CODE_LENGTH = 8


async def propose(tx: Transaction, who: Principal, new: NewAgreement) -> Agreement:
    """Propose an agreement. It is in force at once where neither a second person nor the debtor has to agree."""
    made = maker_of(who, new)
    contract = await open_contract(tx, new.contract_id, who)
    await refuse_stranger(tx, contract, made.party_id)
    await refuse_another(tx, new.contract_id)
    offer = await offer_in(tx, contract, new, made)
    terms = terms_of(new, contract["total_balance"], offer)
    parts = [Part(*due, f"{new.pointer}/{n}") for n, due in enumerate(terms.schedule)]
    await refuse_bad_due_days(tx, contract, parts, rules.MAX_DAYS_AHEAD, may_replace=True)
    needs_approval = await _needs_approval(tx, who, terms) if offer is None else offer.rule.needs_approval
    valid_until = _valid_until(contract, terms) if offer is None else offer.valid_until
    proposal = await _write(tx, contract, made, terms, (valid_until, new.offer_id, needs_approval))
    state_changes(tx, [proposal])
    if not proposal["needs_approval"] and not proposal["needs_acceptance"]:
        await begin(tx, contract, proposal)
    return await read(tx, proposal["agreement_id"], who)


async def _needs_approval(tx: Transaction, who: Principal, terms: Terms) -> bool:
    """Whether a second person has to approve. ``DiscountAboveAuthority`` where this person may not even propose it."""
    authority = await authority_of(tx, who, terms.kind, terms.balance)
    if not authority.may("propose", terms.discount):
        raise DiscountAboveAuthority.of(authority, "propose", shows_most=roles_of(who) != {AGENCY})
    return not authority.may("alone", terms.discount)


def _valid_until(contract: Row, terms: Terms) -> date:
    """A proposal can be decided until its first payment is due."""
    made_on: date = contract["made_on"]
    return terms.schedule[0][0] if terms.schedule else made_on + timedelta(days=rules.PROPOSAL_DAYS)


async def _write(
    tx: Transaction, contract: Row, made: Maker, terms: Terms, decided: tuple[date, str | None, bool]
) -> Row:
    """``decided``: until when it can be decided, by which offer, and whether a second person has to approve."""
    schedule = [{"due_on": str(due_on), "amount": str(amount)} for due_on, amount in terms.schedule]
    written = await tx.fetchrow(
        queries.PROPOSE,
        *(contract["contract_id"], contract["portfolio_id"], made.agency_id, made.made_in, contract["currency"]),
        *(contract["made_on"], terms.kind, terms.balance, terms.total, terms.discount, terms.settles_in_full),
        *(schedule, *decided),
        terms.kind is not AgreementKind.FORGIVENESS or bool(schedule),
        "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH)),
        made.party_id,
    )
    assert written is not None
    return written
