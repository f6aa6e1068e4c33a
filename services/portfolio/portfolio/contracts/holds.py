"""The reasons for which nobody may contact the debtor about a contract, without I/O."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from recobro_events.contracts.portfolio import ContractState, DebtorStatus

from portfolio.ledger.rules import Pauses


@dataclass(frozen=True)
class Hold:
    """A reason for which nobody may contact the debtor. ``until`` is the last day of the hold, where it is known."""

    reason: str
    clarification_id: UUID | None = None
    until: date | None = None


def holds_of(
    state: ContractState,
    status: DebtorStatus,
    disputes: Iterable[UUID],
    pauses: Pauses,
    as_of: date,
    reachable: bool,
    promised_until: Iterable[date] = (),
    *,
    undecided: bool = False,
    payment_silent_until: date | None = None,
) -> list[Hold]:
    """Every hold that the portfolio knows of.

    ``reachable`` means that the debtor has a usable phone. ``promised_until`` holds the last silent day of each open
    promise. ``undecided``: the creditor's figures wait for a person. ``payment_silent_until`` is the last of the days
    without contact after a payment, or of the days on which a payment may be missing in the creditor's files.
    """
    holds = [Hold("closed")] if state is not ContractState.OPEN else []
    if status in {DebtorStatus.DECEASED, DebtorStatus.REPRESENTED}:
        holds.append(Hold(status.value))
    holds += [Hold("clarification", clarification_id=dispute) for dispute in disputes]
    holds += [
        Hold("paused", until=ends_on)
        for starts_on, ends_on in pauses
        if starts_on <= as_of and (ends_on is None or ends_on >= as_of)
    ]
    holds += [Hold("promise", until=until) for until in promised_until if until >= as_of]
    if payment_silent_until is not None and payment_silent_until >= as_of:
        holds.append(Hold("payment", until=payment_silent_until))
    if undecided:
        holds.append(Hold("unknown_state"))
    return holds if reachable else [*holds, Hold("no_phone")]
