"""SQL that services share: why nobody may contact a contract's debtor, and how many days the contract is past due.

The fragments read the row ``contract`` and the tables of this library. A ``day`` is an SQL expression of type date.
Each reason is NULL where it does not hold. A service puts these reasons and its own into one ``coalesce``, so the
first reason that holds is the one that is given.
"""

ALWAYS = """
    (SELECT 'unknown_state' FROM set_aside WHERE set_aside.contract_id = contract.contract_id LIMIT 1),
    CASE WHEN contract.state <> 'open' THEN 'closed' END,
    CASE WHEN contract.status IN ('deceased', 'represented') THEN contract.status END,
    (SELECT 'clarification' FROM clarification dispute
        WHERE dispute.contract_id = contract.contract_id AND dispute.silent LIMIT 1)"""
"""SQL: the reasons that do not depend on the day: ``unknown_state, closed, deceased, represented, clarification``."""


def on_day(day: str) -> str:
    """SQL: the reasons that depend on the day: ``promise, paused``."""
    return f"""
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
