"""What the end of a call means."""

from uuid import UUID

from recobro_events.contracts.dialer_feed import Disposition, WithdrawalReason

DIALED_FROM_INSIDE = UUID(int=0)
"""Stands for the agency where there is none: ids of calls are unique for each agency."""

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
    """The withdrawal that a call's end asks for, if any."""
    return _ACTING.get(disposition)


def is_right_party(disposition: Disposition) -> bool:
    """Whether somebody spoke with the debtor: where the law says so, days of silence follow."""
    return disposition in _SPOKE_WITH_THE_DEBTOR
