"""What holds for dialing lists, decided without I/O. Who may be listed is decided in SQL, by ``eligibility``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from recobro_events.contracts.dialer_feed import Disposition, WithdrawalReason
from recobro_events.contracts.portfolio import Stage

DEFAULT_MIN_OVERDUE = Decimal("100.00")
DEFAULT_STAGES = (Stage.EARLY, Stage.LATE)
DEFAULT_HOLDOFF_DAYS = 3
DEFAULT_MAX_ATTEMPTS_PER_7_DAYS = 7
"""Our own policy where neither the jurisdiction nor the campaign has one."""

DIALED_FROM_INSIDE = UUID(int=0)

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
OF_A_NUMBER = frozenset({WithdrawalReason.WRONG_NUMBER, WithdrawalReason.OPTED_OUT})
"""Reasons that belong to a number, not to the whole contract."""


def acts_like(disposition: Disposition) -> WithdrawalReason | None:
    """The withdrawal that a call's end asks for, if any."""
    return _ACTING.get(disposition)


def is_right_party(disposition: Disposition) -> bool:
    """Whether somebody spoke with the debtor: where the law says so, days of silence follow."""
    return disposition in _SPOKE_WITH_THE_DEBTOR


@dataclass(frozen=True)
class Standing:
    """How a portfolio stands towards the day of a list."""

    portfolio_id: UUID
    name: str
    state: str
    business_date: date | None
    set_aside: bool = False
    """News of it could not be applied: what is known of it is not how it stands."""

    def obstacle(self, day: date) -> str | None:
        """Why no list of ``day`` can be built from it, in plain words; None when it can."""
        named = f'The portfolio "{self.name}" ({self.portfolio_id})'
        if self.business_date is not None and self.business_date > day:
            return f"{named} is already past {day}: its business date is {self.business_date}."
        if self.set_aside:
            return f"{named} has news that could not be applied and wait to be replayed."
        if self.state == "loading":
            return f"{named} is still loading a file."
        if self.business_date is None:
            return f"{named} has not been staged yet."
        if self.business_date < day:
            return f"{named} is not staged up to {day}: its business date is {self.business_date}."
        return None

    def is_past(self, day: date) -> bool:
        """A business date never moves back, so this will not change."""
        return self.business_date is not None and self.business_date > day


def in_all_windows(windows: Iterable[tuple[datetime, datetime] | None]) -> tuple[datetime, datetime] | None:
    """The time that all of them allow; None when one allows nothing or they do not meet."""
    known: Sequence[tuple[datetime, datetime] | None] = list(windows)
    allowed = [window for window in known if window is not None]
    if not allowed or len(allowed) < len(known):
        return None
    opens = max(window[0] for window in allowed)
    closes = min(window[1] for window in allowed)
    return (opens, closes) if opens < closes else None
