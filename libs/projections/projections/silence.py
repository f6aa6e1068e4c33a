"""SQL that services share: why nobody may contact a contract's debtor, and how many days the contract is past due.

The fragments read the row ``contract``, the table ``portfolio`` and the tables of this library. A ``day`` is an SQL
expression of type date. Each reason is NULL where it does not hold. A service puts these reasons and its own into one
``coalesce``, so the first reason that holds is the one that is given.
"""

DEFAULT_HOLDOFF_DAYS = 3
"""The days without contact after a payment, where the portfolio has not said its own yet."""


def _paid(day: str, at_least_days: str) -> str:
    """SQL: ``payment`` or ``payment_claimed`` if ``day`` is one of the days without contact after a payment.

    With D the day from which they count and n the portfolio's days, these are D to D+n-1. ``at_least_days`` is an SQL
    expression for the least n: a service may lengthen the days, never shorten them. A payment that the creditor's files
    do not know yet silences as ``payment`` for longer.
    """
    days = f"coalesce(paid_in.payment_holdoff_days, {DEFAULT_HOLDOFF_DAYS})"
    return f"""
    (SELECT CASE WHEN payment.claimed THEN 'payment_claimed' ELSE 'payment' END
        FROM payment LEFT JOIN portfolio paid_in ON paid_in.portfolio_id = contract.portfolio_id
        WHERE payment.contract_id = contract.contract_id AND NOT payment.reversed
            AND {day} < coalesce(payment.holdoff_from, payment.business_date) + greatest({days}, {at_least_days})
        ORDER BY payment.claimed LIMIT 1),
    CASE WHEN {day} <= contract.payment_silent_until THEN 'payment' END"""


def always(day: str, at_least_days: str = "0") -> str:
    """SQL: the reasons that do not end by a day: ``unknown_state, closed, deceased, represented, clarification``.

    A contract that is settled by a payment gives ``payment`` on the days without contact after it, not ``closed``,
    whichever event of the payment arrives first. ``at_least_days`` as in ``on_day``.
    """
    return f"""
    CASE WHEN contract.undecided THEN 'unknown_state' END,
    (SELECT 'unknown_state' FROM set_aside WHERE set_aside.contract_id = contract.contract_id LIMIT 1),
    CASE WHEN contract.state = 'settled' THEN nullif(coalesce({_paid(day, at_least_days)}), 'payment_claimed') END,
    CASE WHEN contract.state <> 'open' THEN 'closed' END,
    CASE WHEN contract.status IN ('deceased', 'represented') THEN contract.status END,
    (SELECT 'clarification' FROM clarification dispute
        WHERE dispute.contract_id = contract.contract_id AND dispute.silent LIMIT 1)"""


def on_day(day: str, at_least_days: str = "0") -> str:
    """SQL: the reasons that depend on the day: ``payment, payment_claimed, promise, paused``.

    ``at_least_days`` is an SQL expression for the least days without contact after a payment, such as a campaign's.
    """
    return f"""{_paid(day, at_least_days)},
    (SELECT 'promise' FROM promise
        WHERE promise.contract_id = contract.contract_id AND promise.open AND promise.silent_until >= {day} LIMIT 1),
    (SELECT 'paused' FROM pause
        WHERE pause.contract_id = contract.contract_id
            AND {day} BETWEEN pause.starts_on AND coalesce(pause.ends_on, 'infinity') LIMIT 1)"""


def days_past_due(day: str) -> str:
    """SQL: days from the oldest unpaid due date to ``day``, without paused days; 0 when nothing is unpaid."""
    return f"""
    greatest(0, {day} - contract.oldest_due_on - (
        SELECT coalesce(sum(greatest(0,
            least(coalesce(pause.ends_on, {day}), {day})
                - greatest(pause.starts_on, contract.oldest_due_on + 1) + 1)), 0)
        FROM pause WHERE pause.contract_id = contract.contract_id))::integer"""
