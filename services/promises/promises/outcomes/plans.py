"""The state of a plan, from the states of its instalments: fulfilled, broken or cancelled. No I/O."""

from collections.abc import Set
from enum import StrEnum

from recobro_events.contracts.promises import PromiseState

PLAN_BROKEN = "plan_broken"
PLAN_CANCELLED = "plan_cancelled"

LOST = frozenset({PromiseState.BROKEN, PromiseState.PARTLY_KEPT})


class AgreementState(StrEnum):
    """``open ⇄ fulfilled``, ``open ⇄ broken``, ``fulfilled ⇄ broken``, and any of them ``→ cancelled``, which is final.

    ``broken`` is final once another plan of the contract has been reached.
    """

    OPEN = "open"
    FULFILLED = "fulfilled"
    BROKEN = "broken"
    CANCELLED = "cancelled"


CANCELS_INSTALMENTS = {AgreementState.BROKEN: PLAN_BROKEN, AgreementState.CANCELLED: PLAN_CANCELLED}
"""The states that end a plan, each with the reason for which the plan's open instalments are cancelled."""


def agreement_state(now: AgreementState, instalments: Set[PromiseState], ended: str | None) -> AgreementState:
    """Return the plan's state, from its state ``now`` and the states of its instalments.

    A plan that has ended stays so. ``fulfilled`` ends no plan, because a payment may be reversed.
    """
    if now in CANCELS_INSTALMENTS:
        return now
    if instalments & LOST:
        return AgreementState.BROKEN
    if PromiseState.OPEN not in instalments:
        return AgreementState.FULFILLED
    return AgreementState.CANCELLED if ended else AgreementState.OPEN
