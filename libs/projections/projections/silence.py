"""Why nobody may contact a contract's debtor, and how late the contract is: SQL that every service shares.

The fragments speak of the row ``contract`` and of the tables of this library. A ``day`` is an SQL expression of type
date. Each reason is NULL where it does not hold; a service joins the reasons with its own in one ``coalesce``, so the
order here is the order in which reasons are given.
"""

ALWAYS = """
    (SELECT 'unknown_state' FROM set_aside WHERE set_aside.contract_id = contract.contract_id LIMIT 1),
    CASE WHEN contract.state <> 'open' THEN 'closed' END,
    CASE WHEN contract.status IN ('deceased', 'represented') THEN contract.status END,
    (SELECT 'clarification' FROM clarification dispute
        WHERE dispute.contract_id = contract.contract_id AND dispute.silent LIMIT 1)"""
"""The reasons that hold on every day: ``unknown_state, closed, deceased, represented, clarification``."""


def on_day(day: str) -> str:
    """The reasons that hold on some days only: ``promise, paused``."""
    return f"""
    (SELECT 'promise' FROM promise
        WHERE promise.contract_id = contract.contract_id AND promise.open AND promise.silent_until >= {day} LIMIT 1),
    (SELECT 'paused' FROM pause
        WHERE pause.contract_id = contract.contract_id
            AND {day} BETWEEN pause.starts_on AND coalesce(pause.ends_on, 'infinity') LIMIT 1)"""


def days_past_due(day: str) -> str:
    """Days from the oldest unpaid due date to ``day``, without the paused ones; 0 when none is unpaid."""
    return f"""
    greatest(0, {day} - contract.oldest_due_on - (
        SELECT coalesce(sum(greatest(0,
            least(coalesce(pause.ends_on, {day}), {day})
                - greatest(pause.starts_on, contract.oldest_due_on + 1) + 1)), 0)::integer
        FROM pause WHERE pause.contract_id = contract.contract_id))"""
