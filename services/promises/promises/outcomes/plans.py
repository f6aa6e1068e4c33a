"""The state of a plan, from the states of its instalments: fulfilled, broken or cancelled. No I/O."""

from collections.abc import Set
from enum import StrEnum

from recobro_events.contracts.promises import PromiseState

PLAN_BROKEN = "plan_broken"
PLAN_CANCELLED = "plan_cancelled"

_LOST = frozenset({PromiseState.BROKEN, PromiseState.PARTLY_KEPT})


class AgreementState(StrEnum):
    """``open ⇄ fulfilled → broken | cancelled``, ``open → broken | cancelled``; the last two are final."""

    OPEN = "open"
    FULFILLED = "fulfilled"
    BROKEN = "broken"
    CANCELLED = "cancelled"


CANCELS_INSTALMENTS = {AgreementState.BROKEN: PLAN_BROKEN, AgreementState.CANCELLED: PLAN_CANCELLED}
"""The final states of a plan, each with the reason for which the plan's open instalments are cancelled."""


def agreement_state(now: AgreementState, instalments: Set[PromiseState], ended: str | None) -> AgreementState:
    """Return the plan's state, from its state ``now`` and the states of its instalments.

    ``broken`` and ``cancelled`` are final. ``fulfilled`` is not, because a payment may be reversed.
    """
    if now in CANCELS_INSTALMENTS:
        return now
    if instalments & _LOST:
        return AgreementState.BROKEN
    if PromiseState.OPEN not in instalments:
        return AgreementState.FULFILLED
    return AgreementState.CANCELLED if ended else AgreementState.OPEN
