"""SQL that services share: why nobody may contact a contract's debtor, and how many days the contract is past due.

The fragments read the row ``contract``, the table ``portfolio`` and the tables of this library. A ``day`` is an SQL
expression of type date. Each reason is NULL where it does not hold. A service puts these reasons and its own into one
``coalesce``, so the first reason that holds is the one that is given.

Over thousands of contracts most time goes into looking up rows that are not there. Where ``having`` is the alias of
the query of that name, joined by ``contract_id``, a fragment looks up only what is there. Its value is the same.
"""

DEFAULT_HOLDOFF_DAYS = 3
"""The days without contact after a payment, where the portfolio has not said its own yet."""


_ROWS = {
    "set_aside": "set_aside",
    "clarification": "clarification WHERE silent",
    "payment": "payment WHERE NOT reversed",
    "promise": "promise WHERE open",
    "pause": "pause",
}


def having(**more: str) -> str:
    """SQL: a query of the contracts that have rows which may silence, and in which tables, each a boolean column.

    ``more`` names further columns: each has a table of the service, with a condition.
    """
    sources = {**_ROWS, **more}
    rows = " UNION ALL ".join(f"SELECT contract_id, '{name}' AS source FROM {table}" for name, table in sources.items())
    columns = ", ".join(f"bool_or(source = '{name}') AS {name}" for name in sources)
    return f"SELECT contract_id, {columns} FROM ({rows}) AS rows GROUP BY contract_id"


def if_any(found: str, source: str, having: str | None) -> str:
    """SQL: ``found``, which is null where the contract has no row of this column of ``having``."""
    return f"CASE WHEN {having}.{source} THEN {found} END" if having else found


def _paid(day: str, at_least_days: str, having: str | None) -> str:
    """SQL: ``payment`` or ``payment_claimed`` if ``day`` is one of the days without contact after a payment.

    With D the day from which they count and n the portfolio's days, these are D to D+n-1. ``at_least_days`` is an SQL
    expression for the least n: a service may lengthen the days, never shorten them. A payment that the creditor's files
    do not know yet silences as ``payment`` for longer.
    """
    days = f"coalesce(paid_in.payment_holdoff_days, {DEFAULT_HOLDOFF_DAYS})"
    found = f"""
    (SELECT CASE WHEN payment.claimed THEN 'payment_claimed' ELSE 'payment' END
        FROM payment LEFT JOIN portfolio paid_in ON paid_in.portfolio_id = contract.portfolio_id
        WHERE payment.contract_id = contract.contract_id AND NOT payment.reversed
            AND {day} < coalesce(payment.holdoff_from, payment.business_date) + greatest({days}, {at_least_days})
        ORDER BY payment.claimed LIMIT 1)"""
    return f"""
    {if_any(found, "payment", having)},
    CASE WHEN {day} <= contract.payment_silent_until THEN 'payment' END"""


def always(day: str, at_least_days: str = "0", having: str | None = None) -> str:
    """SQL: the reasons that do not end by a day: ``unknown_state, closed, deceased, represented, clarification``.

    A contract that is settled by a payment gives ``payment`` on the days without contact after it, not ``closed``,
    whichever event of the payment arrives first. ``at_least_days`` as in ``on_day``.
    """
    set_aside = "(SELECT 'unknown_state' FROM set_aside WHERE set_aside.contract_id = contract.contract_id LIMIT 1)"
    disputed = """(SELECT 'clarification' FROM clarification dispute
        WHERE dispute.contract_id = contract.contract_id AND dispute.silent LIMIT 1)"""
    paid = _paid(day, at_least_days, having)
    return f"""
    CASE WHEN contract.undecided THEN 'unknown_state' END,
    {if_any(set_aside, "set_aside", having)},
    CASE WHEN contract.state = 'settled' THEN nullif(coalesce({paid}), 'payment_claimed') END,
    CASE WHEN contract.state <> 'open' THEN 'closed' END,
    CASE WHEN contract.status IN ('deceased', 'represented') THEN contract.status END,
    {if_any(disputed, "clarification", having)}"""


def on_day(day: str, at_least_days: str = "0", having: str | None = None) -> str:
    """SQL: the reasons that depend on the day: ``payment, payment_claimed, promise, paused``.

    ``at_least_days`` is an SQL expression for the least days without contact after a payment, such as a campaign's.
    """
    promised = f"""(SELECT 'promise' FROM promise
        WHERE promise.contract_id = contract.contract_id AND promise.open AND promise.silent_until >= {day} LIMIT 1)"""
    paused = f"""(SELECT 'paused' FROM pause
        WHERE pause.contract_id = contract.contract_id
            AND {day} BETWEEN pause.starts_on AND coalesce(pause.ends_on, 'infinity') LIMIT 1)"""
    return f"""{_paid(day, at_least_days, having)},
    {if_any(promised, "promise", having)},
    {if_any(paused, "pause", having)}"""


def each(day: str) -> str:
    """SQL: a query of all silences of the row ``contract`` that hold on ``day`` or begin later, each with its own id.

    Its columns are ``silence_id``, ``reason``, ``since`` (null: since it became known) and ``until``, the last silent
    day. A silence has the same id whenever it is asked for. Closed contracts and claimed payments are not among them.
    """

    def own(reason: str) -> str:
        return f"caused_event_id(contract.contract_id, 'silence', {reason}, '', 0)"

    days = f"coalesce(paid_in.payment_holdoff_days, {DEFAULT_HOLDOFF_DAYS})"
    return f"""
    SELECT {own("'undecided'")} AS silence_id, 'unknown_state' AS reason, NULL::date AS since, NULL::date AS until
    WHERE contract.undecided
    UNION ALL
    SELECT {own("'set_aside ' || set_aside.service")}, 'unknown_state', NULL, NULL FROM set_aside
    WHERE set_aside.contract_id = contract.contract_id
    UNION ALL
    SELECT {own("contract.status")}, contract.status, NULL, NULL WHERE contract.status IN ('deceased', 'represented')
    UNION ALL
    SELECT clarification_id, 'clarification', NULL, NULL FROM clarification dispute
    WHERE dispute.contract_id = contract.contract_id AND dispute.silent
    UNION ALL
    SELECT payment_id, 'payment', payment.business_date, paid.until
    FROM payment LEFT JOIN portfolio paid_in ON paid_in.portfolio_id = contract.portfolio_id
    CROSS JOIN LATERAL (
        SELECT coalesce(payment.holdoff_from, payment.business_date) + {days} - 1 AS until) AS paid
    WHERE payment.contract_id = contract.contract_id AND NOT payment.reversed AND NOT payment.claimed
        AND {day} <= paid.until
    UNION ALL
    SELECT {own("'payment of a file'")}, 'payment', NULL, contract.payment_silent_until
    WHERE {day} <= contract.payment_silent_until
    UNION ALL
    SELECT promise_id, 'promise', NULL, silent_until FROM promise
    WHERE promise.contract_id = contract.contract_id AND promise.open AND {day} <= silent_until
    UNION ALL
    SELECT pause_id, 'paused', pause.starts_on, pause.ends_on FROM pause
    WHERE pause.contract_id = contract.contract_id AND {day} <= coalesce(pause.ends_on, 'infinity')"""


def paused_spans(contract_id: str) -> str:
    """SQL: the paused days of a contract as spans ``starts_on``, ``ends_on`` that do not overlap.

    Pauses of different scopes may overlap, and a day counts once: each span begins after the pauses that began before
    it. A pause that was called off has no days.
    """
    return f"""
        (SELECT greatest(starts_on, before + 1) AS starts_on, ends_on FROM (
            SELECT starts_on, ends_on, max(coalesce(ends_on, 'infinity')) OVER (ORDER BY starts_on, pause_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
            FROM pause WHERE pause.contract_id = {contract_id} AND coalesce(ends_on, 'infinity') >= starts_on
        ) AS each WHERE coalesce(ends_on, 'infinity') > coalesce(before, '-infinity'))"""


def days_paused(contract_id: str, after: str, until: str) -> str:
    """SQL: the number of paused days d of a contract with ``after`` < d ≤ ``until``, each counted once."""
    return f"""
        (SELECT coalesce(sum(greatest(0, least(coalesce(paused.ends_on, {until}), {until})
            - greatest(paused.starts_on, {after} + 1) + 1)), 0)::integer
        FROM {paused_spans(contract_id)} AS paused)"""


def days_past_due(day: str, having: str | None = None) -> str:
    """SQL: days from the oldest unpaid due date to ``day``, without paused days; 0 when nothing is unpaid."""
    paused = days_paused("contract.contract_id", "contract.oldest_due_on", day)
    if having:
        paused = f"coalesce({if_any(paused, 'pause', having)}, 0)"
    return f"greatest(0, {day} - contract.oldest_due_on - {paused})::integer"
