"""How a plan stands, by its instalments, without I/O: when it is fulfilled, broken or called off."""

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
"""The final states of a plan: no instalment stays open, for this reason."""


def agreement_state(now: AgreementState, instalments: Set[PromiseState], ended: str | None) -> AgreementState:
    """What the states of its instalments make of it.

    Broken and cancelled are final, fulfilled is not: a payment may bounce.
    """
    if now in CANCELS_INSTALMENTS:
        return now
    if instalments & _LOST:
        return AgreementState.BROKEN
    if PromiseState.OPEN not in instalments:
        return AgreementState.FULFILLED
    return AgreementState.CANCELLED if ended else AgreementState.OPEN
