"""The meaning of a call's disposition."""

from uuid import UUID

from recobro_events.contracts.dialer_feed import Disposition, WithdrawalReason

DIALED_FROM_INSIDE = UUID(int=0)
"""Stands in for the agency where a call has none. Ids of calls are unique within an agency."""

_ACTING = {
    Disposition.PAYMENT_CLAIMED: WithdrawalReason.PAYMENT_CLAIMED,
    Disposition.CLARIFICATION: WithdrawalReason.CLARIFICATION,
    Disposition.WRONG_NUMBER: WithdrawalReason.WRONG_NUMBER,
    Disposition.OPTED_OUT: WithdrawalReason.OPTED_OUT,
    Disposition.DECEASED: WithdrawalReason.DECEASED,
    Disposition.REPRESENTED: WithdrawalReason.REPRESENTED,
}
_SPOKE_WITH_THE_DEBTOR = frozenset(
    {
        Disposition.RIGHT_PARTY,
        Disposition.PROMISE,
        Disposition.REFUSED,
        Disposition.PAYMENT_CLAIMED,
        Disposition.CLARIFICATION,
        Disposition.OPTED_OUT,
    }
)


def acts_like(disposition: Disposition) -> WithdrawalReason | None:
    """Return the withdrawal's reason that a disposition stands for, or None."""
    return _ACTING.get(disposition)


def is_right_party(disposition: Disposition) -> bool:
    """Whether the agent spoke with the debtor. In some jurisdictions, days of silence follow such a call."""
    return disposition in _SPOKE_WITH_THE_DEBTOR
