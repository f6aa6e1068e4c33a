"""Cancelling a plan. This is final."""

from uuid import UUID

from chassis import Conflict, Principal
from chassis.transactions import act_for_service
from recobro_events import Transaction

from promises.agreements import queries
from promises.agreements.reading import Agreement, read
from promises.outcomes.judging import judge
from promises.outcomes.plans import AgreementState
from promises.taking.cancelling import Cancellation, lock_contract


class AgreementEnded(Conflict):
    code = "agreement-not-open"
    detail = "Only an open plan can be cancelled."


async def cancel(tx: Transaction, who: Principal, agreement_id: UUID, cancellation: Cancellation) -> Agreement:
    """Cancel an open plan and its open instalments."""
    agreement = await read(tx, agreement_id, who)
    await act_for_service(tx)
    await lock_contract(tx, agreement.contract_id, who)
    agreement = await read(tx, agreement_id, who)
    if agreement.state is not AgreementState.OPEN:
        raise AgreementEnded()
    await tx.execute(queries.CANCEL, agreement_id, cancellation.reason)
    await judge(tx, {agreement.contract_id: None})
    return await read(tx, agreement_id, who)
