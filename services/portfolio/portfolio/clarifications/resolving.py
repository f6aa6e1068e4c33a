"""Resolves clarifications, and corrects the amounts where the debtor was right."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from chassis import Conflict, Count, FieldError, InputModel, Invalid, OutputModel, ShortText, Text
from pydantic import Field
from recobro_events import Money, Row, Transaction
from recobro_events.contracts.portfolio import (
    ClarificationOutcome,
    ClarificationResolved,
    ContractRevised,
    CorrectedInstalment,
    StageCause,
)

from portfolio.clarifications import queries
from portfolio.clarifications.opening import check_instalments
from portfolio.clarifications.reading import ClarificationUnknown
from portfolio.clarifications.rules import CORRECTING_OUTCOMES, ends_silence, missing_proof, resolution_allowed
from portfolio.ledger.changes import record
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contract
from portfolio.ledger.positions import publish_reapplied, reapply_payments
from portfolio.ledger.whole import publish_whole


class Correction(InputModel):
    """The corrected amount of an instalment, before payments. It replaces the amount that the creditor had stated."""

    instalment: Count
    amount: Annotated[Money, Field(ge=0)]


class NewResolution(InputModel):
    """``corrections`` are required for ``upheld`` and ``partly_upheld``, and not allowed for other outcomes.

    ``document`` and ``proof_of_sending`` are for ``verified``: where the statement or invoice that verifies the debt is
    found, and what proves that it was sent to the debtor. Some jurisdictions require both.
    """

    outcome: ClarificationOutcome
    detail: Text | None = None
    document: ShortText | None = None
    proof_of_sending: ShortText | None = None
    corrections: list[Correction] = Field(default_factory=list, max_length=1000)


class Resolution(OutputModel):
    """``still_open`` holds the other clarifications that silence the contract."""

    clarification_id: UUID
    contract_id: UUID
    outcome: ClarificationOutcome
    contact_may_resume: bool
    still_open: list[UUID]
    overdue_balance: Money
    total_balance: Money


class ClarificationResolvedAlready(Conflict):
    code = "clarification-resolved"
    detail = "This clarification has been resolved already."


async def resolve(tx: Transaction, clarification_id: UUID, new: NewResolution) -> Resolution:
    """Resolve a clarification, and apply the corrected amounts.

    Some jurisdictions require the verification to be sent after ``rejected``. There contact stays stopped, and the same
    clarification may be resolved again as ``verified``. Raises ``ClarificationUnknown``,
    ``ClarificationResolvedAlready`` and ``Invalid``.
    """
    contract_id = await tx.fetchval(queries.CONTRACT_OF, clarification_id)
    if contract_id is None:
        raise ClarificationUnknown()
    contract = await lock_contract(tx, contract_id)
    known = await tx.fetchrow(queries.READ, clarification_id)
    if known is None or not resolution_allowed(known["state"], known["contact_may_resume"], new.outcome):
        raise ClarificationResolvedAlready()
    _check_proof(contract["jurisdiction"], new)
    reapplied = await _correct(tx, contract_id, clarification_id, new)
    may_resume = ends_silence(new.outcome, contract["jurisdiction"])
    await tx.execute(
        queries.RESOLVE,
        *(clarification_id, new.outcome, new.detail, may_resume),
        *(new.document, new.proof_of_sending),
    )
    still_open = [row["clarification_id"] for row in await tx.fetch(queries.STILL_OPEN, contract_id, clarification_id)]
    position = await record(
        tx,
        StageCause.REVISION,
        lambda fields: ClarificationResolved(
            **fields,
            clarification_id=clarification_id,
            outcome=new.outcome,
            contact_may_resume=may_resume,
            still_open=tuple(still_open),
            corrections=tuple(CorrectedInstalment(**one.model_dump()) for one in new.corrections),
            document=new.document,
            proof_of_sending=new.proof_of_sending,
        ),
        _resolved_line(contract_id, clarification_id, new),
    )
    if new.corrections:
        await publish_whole(tx, [contract_id], ContractRevised)
    await publish_reapplied(tx, reapplied)
    return Resolution(
        clarification_id=clarification_id,
        contract_id=contract_id,
        outcome=new.outcome,
        contact_may_resume=may_resume,
        still_open=still_open,
        overdue_balance=position["overdue_balance"],
        total_balance=position["total_balance"],
    )


def _check_proof(jurisdiction: str, new: NewResolution) -> None:
    missing = missing_proof(new.outcome, jurisdiction, new.document, new.proof_of_sending)
    if missing:
        raise Invalid(
            "A debt is verified here only with the document and the proof that it was sent.",
            errors=[FieldError(f"/{name}", "is required for the outcome verified") for name in missing],
        )
    given = [name for name in ("document", "proof_of_sending") if getattr(new, name) is not None]
    if given and new.outcome is not ClarificationOutcome.VERIFIED:
        raise Invalid(
            "A document verifies the debt. Only the outcome verified has one.",
            errors=[FieldError(f"/{name}", f"is not allowed for the outcome {new.outcome}") for name in given],
        )


async def _correct(tx: Transaction, contract_id: UUID, clarification_id: UUID, new: NewResolution) -> Sequence[Row]:
    """Replace the amounts of the corrected instalments, and apply the payments again.

    Returns the payments whose credit has changed.
    """
    if (new.outcome in CORRECTING_OUTCOMES) != bool(new.corrections):
        fault = "not allowed" if new.corrections else "required"
        raise Invalid(
            "The outcomes upheld and partly_upheld require corrections. Other outcomes do not allow them.",
            errors=[FieldError("/corrections", f"are {fault} for the outcome {new.outcome}")],
        )
    if not new.corrections:
        return []
    numbers = [correction.instalment for correction in new.corrections]
    instalments = await tx.fetch(queries.INSTALMENTS, contract_id)
    check_instalments("/corrections/{}/instalment", numbers, instalments)
    if len(set(numbers)) < len(numbers):
        raise Invalid(
            "An instalment is corrected twice.", errors=[FieldError("/corrections", "must name each instalment once")]
        )
    stated = {row["number"]: row["amount"] for row in instalments}
    raised = [
        FieldError(f"/corrections/{place}/amount", f"must not be above {stated[correction.instalment]}")
        for place, correction in enumerate(new.corrections)
        if correction.amount > stated[correction.instalment]
    ]
    if raised:
        raise Invalid("A dispute cannot raise what is owed.", errors=raised)
    corrected = {correction.instalment: correction.amount for correction in new.corrections}
    await tx.execute(queries.DECIDE, contract_id, list(corrected.keys()), list(corrected.values()), clarification_id)
    await tx.execute(queries.CORRECT, contract_id, list(corrected.keys()), list(corrected.values()))
    return await reapply_payments(tx, [contract_id])


def _resolved_line(contract_id: UUID, clarification_id: UUID, new: NewResolution) -> Line:
    corrections = [{"instalment": line.instalment, "amount": f"{line.amount:.2f}"} for line in new.corrections]
    data = {"clarification_id": clarification_id, "outcome": new.outcome, "corrections": corrections}
    if new.document is not None:
        data |= {"document": new.document, "proof_of_sending": new.proof_of_sending}
    return Line(contract_id, "clarification_resolved", f"outcome {new.outcome}", data)
