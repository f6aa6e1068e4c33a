"""Cancelling an agreement or a proposal. This is final."""

from collections.abc import Collection, Mapping
from uuid import UUID

from chassis import Conflict, Principal
from chassis.transactions import act_for_service
from recobro_events import Event, Transaction
from recobro_events.contracts.promises import AgreementCancelled, AgreementKind

from promises.agreements import queries
from promises.agreements.reading import IN_FORCE, PENDING, Agreement, read
from promises.agreements.stating import state_changes
from promises.outcomes.judging import judge
from promises.taking.cancelling import Cancellation, lock_contract


class AgreementEnded(Conflict):
    code = "agreement-not-open"
    detail = "Only a plan that is open, or an agreement that has not ended, can be cancelled."


async def cancel(tx: Transaction, who: Principal, agreement_id: UUID, cancellation: Cancellation) -> Agreement:
    """Cancel a proposal, or an agreement in force with its open instalments."""
    agreement = await read(tx, agreement_id, who)
    await act_for_service(tx)
    await lock_contract(tx, agreement.contract_id, who)
    agreement = await read(tx, agreement_id, who)
    if agreement.state in PENDING:
        await cancel_proposals(tx, [agreement_id], cancellation.reason)
    elif agreement.state in IN_FORCE:
        version = await tx.fetchval(queries.CANCEL, agreement_id, cancellation.reason)
        await judge(tx, {agreement.contract_id: None})
        if agreement.kind is not AgreementKind.PLAN:
            tx.publish(
                AgreementCancelled(
                    contract_id=agreement.contract_id,
                    agreement_id=agreement_id,
                    version=version,
                    reason=cancellation.reason,
                )
            )
    else:
        raise AgreementEnded()
    return await read(tx, agreement_id, who)


async def cancel_proposals(tx: Transaction, agreement_ids: Collection[UUID], reason: str) -> None:
    """Cancel those of these proposals that nobody has decided. The caller has locked their contracts."""
    state_changes(tx, await tx.fetch(queries.CANCEL_PROPOSALS, list(agreement_ids), reason))


async def cancel_proposals_of(tx: Transaction, causes: Mapping[UUID, Event], reason: str) -> None:
    """Cancel what nobody has decided on these locked contracts, each because of an event that is being applied."""
    state_changes(tx, await tx.fetch(queries.CANCEL_PROPOSALS_OF, list(causes), reason), causes)
