"""A second person approves or refuses a proposal, and the debtor accepts it. With both it is in force."""

import re
from typing import Annotated, Self
from uuid import UUID

from chassis import Conflict, FieldError, InputModel, Invalid, Principal, Text, Written
from chassis.second_person import SecondPersonNeeded, refuse_same_person
from projections import contracts
from pydantic import model_validator
from recobro_events import Row, Transaction
from recobro_events.contracts.promises import ProposalState

from promises.agreements import queries
from promises.agreements.beginning import begin, discount_of
from promises.agreements.proposed import sha256_of
from promises.agreements.reading import PENDING, AcceptedBy, Agreement, read
from promises.agreements.stating import state_changes
from promises.authority.asking import DiscountAboveAuthority, authority_of
from promises.taking.cancelling import Cancellation
from promises.taking.conditions import open_contract


class NotPending(Conflict):
    code = "agreement-not-pending"
    detail = "This agreement does not wait for this decision."


_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s@]+")
Sha256 = Annotated[str, Written("[0-9a-f]{64}", "must be 64 hexadecimal digits")]


class Acceptance(InputModel):
    """``proof`` is the agreement's code that the debtor stated, the address or reference of the recording, or what
    identifies the signed document. An address has no password in it.

    ``sha256`` is the hash of the bytes of the recording, or of the signed document. Nobody here reads these bytes: the
    hash shows later that they are still the same. ``terms_sha256`` is the hash of the terms that stands on the
    proposal that was signed.
    """

    by: AcceptedBy
    proof: Text
    sha256: Sha256 | None = None
    terms_sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.by is AcceptedBy.CODE and self.sha256 is not None:
            raise ValueError("must have no sha256 with a code")
        if self.by is not AcceptedBy.SIGNATURE and self.terms_sha256 is not None:
            raise ValueError("must have a terms_sha256 only with a signature")
        if self.by is not AcceptedBy.CODE and "://" in self.proof and not _ADDRESS.fullmatch(self.proof):
            raise ValueError("must have a proof that is an address without a password, or no address")
        return self


async def approve(tx: Transaction, who: Principal, agreement_id: UUID) -> Agreement:
    """Approve a proposal of another person. ``SamePerson``; ``DiscountAboveAuthority`` where the discount is too large
    for this person."""
    agreement = await read(tx, agreement_id, who)
    contract = await open_contract(tx, agreement.contract_id, who)
    proposal = await _pending(tx, agreement, who)
    if not proposal["needs_approval"] or proposal["second_decided_at"] is not None:
        raise NotPending("This agreement needs no further approval.")
    refuse_same_person(proposal["actor"], who)
    discount = discount_of(contract, proposal)
    authority = await authority_of(tx, who, proposal["kind"], contract["total_balance"])
    if not authority.may("approve", discount):
        raise DiscountAboveAuthority.of(authority, "approve", shows_most=True)
    is_complete = proposal["accepted_at"] is not None or not proposal["needs_acceptance"]
    state = ProposalState.PROPOSED if is_complete else ProposalState.AWAITING_ACCEPTANCE
    await _go_on(tx, contract, await tx.fetchrow(queries.APPROVE, agreement_id, state, discount), is_complete)
    return await read(tx, agreement_id, who)


async def refuse(tx: Transaction, who: Principal, agreement_id: UUID, refusal: Cancellation) -> Agreement:
    """Refuse a proposal of another person. It is cancelled, and says why."""
    agreement = await read(tx, agreement_id, who)
    await contracts.lock(tx, [agreement.contract_id])
    proposal = await _pending(tx, agreement, who)
    refuse_same_person(proposal["actor"], who)
    state_changes(tx, await tx.fetch(queries.REFUSE, agreement_id, refusal.reason))
    return await read(tx, agreement_id, who)


async def accept(tx: Transaction, who: Principal, agreement_id: UUID, acceptance: Acceptance) -> Agreement:
    """Record that the debtor has accepted.

    Before a second person has approved, a debtor may say yes in a recorded call. Nobody gives away the code or signs
    before: ``SecondPersonNeeded``. ``Invalid`` where another code was stated, or a document with other terms signed.
    """
    agreement = await read(tx, agreement_id, who)
    contract = await open_contract(tx, agreement.contract_id, who)
    proposal = await _pending(tx, agreement, who)
    if not proposal["needs_acceptance"] or proposal["accepted_at"] is not None:
        raise NotPending("This agreement needs no further acceptance.")
    is_complete = not proposal["needs_approval"] or proposal["second_decided_at"] is not None
    if not is_complete and acceptance.by is not AcceptedBy.RECORDING:
        raise SecondPersonNeeded()
    if acceptance.by is AcceptedBy.CODE and _plain(acceptance.proof) != proposal["acceptance_code"]:
        raise Invalid(
            "This is not the code of the agreement.", errors=[FieldError("/proof", "must be the agreement's code")]
        )
    if acceptance.terms_sha256 not in (None, sha256_of(proposal)):
        raise Invalid(
            "What was signed has other terms than this agreement.",
            errors=[FieldError("/terms_sha256", "must be the hash of the agreement's terms")],
        )
    discount_of(contract, proposal)
    state = ProposalState.PROPOSED if is_complete else ProposalState.AWAITING_APPROVAL
    values = (agreement_id, state, acceptance.by, acceptance.proof, acceptance.sha256, acceptance.terms_sha256)
    await _go_on(tx, contract, await tx.fetchrow(queries.ACCEPT, *values), is_complete)
    return await read(tx, agreement_id, who)


async def _pending(tx: Transaction, agreement: Agreement, who: Principal) -> Row:
    """Return the proposal, whose contract is locked. ``NotPending`` where it is decided."""
    if who.agency_id is not None and agreement.agency_id != who.agency_id:
        raise NotPending()
    proposal: Row | None = await tx.fetchrow(queries.PROPOSAL, agreement.agreement_id)
    if proposal is None or proposal["state"] not in PENDING:
        raise NotPending()
    return proposal


async def _go_on(tx: Transaction, contract: Row, proposal: Row | None, is_complete: bool) -> None:
    assert proposal is not None
    if is_complete:
        await begin(tx, contract, proposal)
        proposal = await tx.fetchrow(queries.PROPOSAL, proposal["agreement_id"])
        assert proposal is not None
    state_changes(tx, [proposal])


def _plain(code: str) -> str:
    return "".join(letter for letter in code.upper() if letter.isalnum())
