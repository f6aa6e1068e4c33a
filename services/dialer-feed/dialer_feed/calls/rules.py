"""The meaning of a call's disposition, and whether a call counts."""

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

from jurisdictions import UnknownJurisdiction, profile, profile_of_region, unconnected_calls_count
from recobro_events.contracts.dialer_feed import Disposition, WithdrawalReason

DIALED_FROM_INSIDE = UUID(int=0)
"""Stands in for the agency where a call has none. Ids of calls are unique within an agency."""

NO_LIST = UUID(int=0)
"""Stands in for the list where a call has none."""

UNEXPLAINED = Disposition.NO_ANSWER
"""What a call counts as whose code nobody has explained: an attempt that nobody answered."""

_NEVER_CONNECTED = frozenset({Disposition.BUSY, Disposition.FAILED})
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


class Breach(StrEnum):
    """A rule of contact that a call broke. ``silence``: the call was wrongful."""

    SILENCE = "silence"
    OUTSIDE_HOURS = "outside_hours"
    FREQUENCY = "frequency"
    NO_PERMIT = "no_permit"
    SUPPRESSED = "suppressed"
    INCONVENIENT = "inconvenient"


def acts_like(disposition: Disposition) -> WithdrawalReason | None:
    """Return the withdrawal's reason that a disposition stands for, or None."""
    return _ACTING.get(disposition)


def counts_as_attempt(disposition: Disposition, jurisdiction: str, states: Iterable[str]) -> bool:
    """Whether an outbound call counts towards the caps. Whether one that never connected does, says the profile.

    ``states`` are those where the contract's addresses may be. The call counts if it does in one of them.
    """
    if disposition not in _NEVER_CONNECTED:
        return True
    try:
        profiles = [profile_of_region(jurisdiction, state) for state in states] or [profile(jurisdiction)]
        return any(unconnected_calls_count(one) for one in profiles)
    except UnknownJurisdiction:
        return True


def is_right_party(disposition: Disposition) -> bool:
    """Whether the agent spoke with the debtor. In some jurisdictions, days of silence follow such a call."""
    return disposition in _SPOKE_WITH_THE_DEBTOR
