"""The statement behind productivity: the calls of a period, and what came of them.

A payment counts for the last right-party call about its contract, on its day or in the days before it; a promise for
the last one of the day on which it was made. All calls compete for it, also those of other agencies and those after
the period, so nothing counts twice, whoever asks.
"""

from typing import Final

from dialer_feed.calls.queries import NO_LIST
from dialer_feed.lists.phones import CONNECTED

# What rows are about: their columns beside the currency, as SQL over a call and what belongs to it.
COLUMNS: Final = {
    "agent": {"dialed_for": "call.dialed_for", "agent": "call.agent"},
    "product": {"product": "contract.product"},
    "contract": {"contract_number": "contract.contract_number", "contract_id": "call.contract_id"},
    "campaign": {"campaign": "campaign.name", "campaign_id": "campaign.campaign_id"},
    "agency": {"dialed_for": "call.dialed_for"},
    "hour": {
        "hour": "extract(hour FROM call.started_at AT TIME ZONE coalesce(portfolio.timezone, 'UTC'))::integer",
    },
    "day": {"day": "call.business_date"},
}


def _productivity(columns: dict[str, str], order: str, beyond: str) -> str:
    """SQL: $1, $2 the days, $3 the agency or null, $4 the days of a credit, $5 the key before a page, $6 most rows."""
    key = " || '|' || ".join(
        f"coalesce(lpad({name}::text, 2, '0'), '')" if name == "hour" else f"coalesce({name}::text, '')"
        for name in (*columns, "currency")
    )
    return f"""
WITH call AS MATERIALIZED (
    SELECT call.dialed_for, call.call_id, call.contract_id, call.list_id, call.agent, call.business_date,
        call.started_at, (call.direction = 'outbound')::integer AS attempts, ({CONNECTED})::integer AS connected,
        call.right_party::integer AS right_party, (call.disposition = 'promise')::integer AS promises,
        CASE WHEN {CONNECTED} THEN call.duration_seconds ELSE 0 END AS talk_seconds
    FROM call_result call
    WHERE call.business_date BETWEEN $1 AND $2 AND ($3::uuid IS NULL OR call.dialed_for = $3)
    UNION ALL
    SELECT dialed_for, attempt_id, contract_id, list_id, coalesce(agent, ''), business_date, started_at, 1, 0, 0, 0, 0
    FROM attempt
    WHERE ended_at IS NULL AND business_date BETWEEN $1 AND $2 AND ($3::uuid IS NULL OR dialed_for = $3)
), spoken AS MATERIALIZED (
    SELECT dialed_for, call_id, contract_id, business_date, started_at FROM call_result
    WHERE right_party AND business_date BETWEEN $1 AND $2::date + $4::integer
), payment_of AS (
    SELECT DISTINCT ON (received.contract_id, received.payment_id) spoken.dialed_for, spoken.call_id, received.amount
    FROM spoken
    JOIN received ON received.contract_id = spoken.contract_id AND NOT received.reversed
        AND received.business_date BETWEEN spoken.business_date AND spoken.business_date + $4::integer
    ORDER BY received.contract_id, received.payment_id, spoken.started_at DESC, spoken.dialed_for, spoken.call_id
), promise_of AS (
    SELECT DISTINCT ON (promised.contract_id, promised.promise_id) spoken.dialed_for, spoken.call_id, promised.amount,
        promised.kept
    FROM spoken
    JOIN promised ON promised.contract_id = spoken.contract_id AND promised.made_on = spoken.business_date
        AND promised.in_call
    ORDER BY promised.contract_id, promised.promise_id, spoken.started_at DESC, spoken.dialed_for, spoken.call_id
), result AS MATERIALIZED (
    SELECT dialed_for, call_id, sum(recovered) AS recovered, sum(promised) AS promised, sum(kept) AS kept
    FROM (
        SELECT dialed_for, call_id, amount AS recovered, 0 AS promised, 0 AS kept FROM payment_of
        UNION ALL
        SELECT dialed_for, call_id, 0, amount, kept::integer FROM promise_of
    ) AS credit GROUP BY dialed_for, call_id
), grouped AS (
    SELECT {", ".join(f"{sql} AS {name}" for name, sql in columns.items())}, portfolio.currency,
        sum(call.attempts)::bigint AS attempts, sum(call.connected)::bigint AS connected,
        sum(call.right_party)::bigint AS right_party, sum(call.promises)::bigint AS promises,
        coalesce(sum(result.kept), 0)::bigint AS kept, coalesce(sum(result.promised), 0) AS amount_promised,
        coalesce(sum(result.recovered), 0) AS recovered, sum(call.talk_seconds)::bigint AS talk_seconds
    FROM call
    LEFT JOIN result USING (dialed_for, call_id)
    LEFT JOIN contract ON contract.contract_id = call.contract_id
    LEFT JOIN portfolio ON portfolio.portfolio_id = contract.portfolio_id
    LEFT JOIN dialing_list list ON list.list_id = call.list_id AND call.list_id <> '{NO_LIST}'
    LEFT JOIN campaign ON campaign.campaign_id = list.campaign_id
    GROUP BY {", ".join(map(str, range(1, len(columns) + 2)))}
), keyed AS (
    SELECT ({key}) COLLATE "C" AS key, grouped.* FROM grouped
)
SELECT * FROM keyed WHERE $5::text IS NULL OR key {beyond} $5 ORDER BY key {order} LIMIT $6
"""


PRODUCTIVITY: Final = {
    (by, order): _productivity(columns, order, beyond)
    for by, columns in COLUMNS.items()
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
