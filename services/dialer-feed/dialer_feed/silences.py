"""Silences as intervals: since when, and until when, nobody may call a contract or a number.

Whether a call was wrongful depends on what was silent when it started. So each silencing transaction compares the
silences that hold at its end with those that are kept as open, in one statement: new ones begin at that moment, others
end. A silence of some days keeps these days, and the business date of the moment decides (``business_day``).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from projections import convenience, placements, silence
from recobro_events import Transaction, sorted_unique

from dialer_feed.contactable import contactable

_MAY_BE_IN_PLACE = contactable("party_role", represented=True)
_MAY_BE = f"""(
    CASE WHEN contract.status = 'represented' THEN {_MAY_BE_IN_PLACE}
    ELSE {contactable("party_role", represented=False)} END)"""
"""SQL: the party of the row ``contact_point`` may be contacted. An attorney may be in the place of the debtor."""
# What silences the contracts $1, one row for each reason: reason, number, agency, agency that is excepted, days.
# Every agency that had a contract for dialing or collection, and has it no longer, is silenced by ``recall``.
_HOLDING = f"""
SELECT contract_id, 'unknown_state' AS reason, NULL::uuid AS contact_id, NULL::uuid AS agency_id,
    NULL::uuid AS except_agency_id, NULL::date AS from_on, NULL::date AS until_on
FROM contract
WHERE contract_id = ANY ($1::uuid[])
    AND (undecided OR EXISTS (SELECT FROM set_aside WHERE set_aside.contract_id = contract.contract_id))
UNION ALL
SELECT contract_id, 'closed', NULL, NULL, NULL, NULL, NULL FROM contract
WHERE contract_id = ANY ($1::uuid[]) AND state <> 'open'
UNION ALL
SELECT contract_id, status, NULL, NULL, NULL, NULL, NULL FROM contract
WHERE contract_id = ANY ($1::uuid[]) AND status IN ('deceased', 'represented')
UNION ALL
SELECT contract_id, 'opted_out', NULL, NULL, NULL, NULL, NULL FROM contract
WHERE contract_id = ANY ($1::uuid[]) AND {convenience.refuses("call")}
UNION ALL
SELECT DISTINCT contract_id, 'clarification', NULL::uuid, NULL::uuid, NULL::uuid, NULL::date, NULL::date
FROM clarification WHERE contract_id = ANY ($1::uuid[]) AND silent
UNION ALL
SELECT DISTINCT contract_id, reason, contact_id, NULL::uuid, NULL::uuid, NULL::date, NULL::date
FROM reported_silence WHERE contract_id = ANY ($1::uuid[])
UNION ALL
SELECT payment.contract_id, CASE WHEN claimed THEN 'payment_claimed' ELSE 'payment' END, NULL, NULL, NULL, NULL,
    (max(coalesce(holdoff_from, payment.business_date))
        + coalesce(portfolio.payment_holdoff_days, {silence.DEFAULT_HOLDOFF_DAYS}) - 1)::date
FROM payment JOIN contract USING (contract_id) LEFT JOIN portfolio USING (portfolio_id)
WHERE payment.contract_id = ANY ($1::uuid[]) AND NOT reversed
GROUP BY payment.contract_id, claimed, portfolio.payment_holdoff_days
UNION ALL
SELECT contract_id, 'payment', NULL, NULL, NULL, NULL, payment_silent_until FROM contract
WHERE contract_id = ANY ($1::uuid[]) AND payment_silent_until IS NOT NULL
UNION ALL
SELECT contract_id, 'promise', NULL, NULL, NULL, NULL, max(silent_until) FROM promise
WHERE contract_id = ANY ($1::uuid[]) AND open GROUP BY contract_id
UNION ALL
SELECT DISTINCT contract_id, 'paused', NULL::uuid, NULL::uuid, NULL::uuid, starts_on, ends_on FROM pause
WHERE contract_id = ANY ($1::uuid[])
UNION ALL
SELECT contract_id, 'recall', NULL, agency_id, NULL,
    CASE WHEN bool_or(state = 'active') THEN max(ends_on) FILTER (WHERE state = 'active') + 1 END, NULL
FROM placement WHERE contract_id = ANY ($1::uuid[]) AND kind IN ('dialing', 'collection')
GROUP BY contract_id, agency_id
HAVING bool_and(state <> 'active' OR ends_on IS NOT NULL)
UNION ALL
SELECT contract_id, 'no_longer_eligible', NULL, NULL, agency_id, starts_on, ends_on FROM placement
WHERE contract_id = ANY ($1::uuid[]) AND kind = 'collection' AND {placements.WITH_AGENCY}
UNION ALL
SELECT contract_id, 'unusable_number', contact_id, NULL, NULL, NULL, NULL FROM contact_point
WHERE contract_id = ANY ($1::uuid[]) AND kind = 'phone' AND NOT usable
UNION ALL
SELECT contract_id, 'third_party', contact_id, NULL, NULL, NULL, NULL
FROM contact_point JOIN contract USING (contract_id)
WHERE contract_id = ANY ($1::uuid[]) AND kind = 'phone' AND party_id IS NOT NULL AND present AND NOT {_MAY_BE}
"""
_SYNC = f"""
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS at
), holding AS MATERIALIZED ({_HOLDING}), known AS MATERIALIZED (
    SELECT silence.silence_id, holding.contract_id IS NOT NULL AS holds, silence.contract_id, silence.reason,
        silence.contact_id, silence.agency_id, silence.except_agency_id, silence.from_on, silence.until_on
    FROM silence LEFT JOIN holding ON holding.contract_id = silence.contract_id
        AND (holding.reason, holding.contact_id, holding.agency_id, holding.except_agency_id, holding.from_on,
            holding.until_on)
        IS NOT DISTINCT FROM (silence.reason, silence.contact_id, silence.agency_id, silence.except_agency_id,
            silence.from_on, silence.until_on)
    WHERE silence.contract_id = ANY ($1::uuid[]) AND silence.ended_at IS NULL
), ended AS (
    UPDATE silence SET ended_at = moment.at FROM known, moment
    WHERE silence.contract_id = known.contract_id AND silence.silence_id = known.silence_id AND NOT known.holds
)
INSERT INTO silence (contract_id, reason, contact_id, agency_id, except_agency_id, from_on, until_on, began_at)
SELECT new.contract_id, new.reason, new.contact_id, new.agency_id, new.except_agency_id, new.from_on, new.until_on,
    moment.at
FROM moment, (
    SELECT contract_id, reason, contact_id, agency_id, except_agency_id, from_on, until_on FROM holding
    EXCEPT
    SELECT contract_id, reason, contact_id, agency_id, except_agency_id, from_on, until_on FROM known WHERE holds
) AS new
"""
# The business date at the moment of a call; before the first known one, the first known one.
DAY_OF = """coalesce(
    (SELECT business_date FROM business_day
        WHERE business_day.portfolio_id = contract.portfolio_id AND business_day.began_at <= call.started_at
        ORDER BY business_day.began_at DESC LIMIT 1),
    (SELECT business_date FROM business_day WHERE business_day.portfolio_id = contract.portfolio_id
        ORDER BY business_day.began_at LIMIT 1))"""
"""SQL: the business date at ``call.started_at`` for the row ``contract``."""
# The first silence in which each call n started.
_SILENT_AT = f"""
SELECT DISTINCT ON (call.n) call.n, silence.reason, silence.began_at
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[])
    AS call (n, contract_id, contact_id, agency_id, started_at)
JOIN contract USING (contract_id)
CROSS JOIN LATERAL (SELECT {DAY_OF} AS business_date) AS day
JOIN silence ON silence.contract_id = call.contract_id
    AND (silence.contact_id IS NULL OR silence.contact_id = call.contact_id)
    AND (silence.agency_id IS NULL OR silence.agency_id = call.agency_id)
    AND silence.except_agency_id IS DISTINCT FROM coalesce(call.agency_id, '00000000-0000-0000-0000-000000000000')
    AND NOT (silence.reason = 'represented' AND EXISTS (
        SELECT FROM contact_point
        WHERE contact_point.contract_id = call.contract_id AND contact_point.contact_id = call.contact_id
            AND party_id IS NOT NULL AND {_MAY_BE_IN_PLACE}))
    AND silence.began_at < call.started_at AND coalesce(silence.ended_at >= call.started_at, true)
    AND coalesce(day.business_date >= silence.from_on, true) AND coalesce(day.business_date <= silence.until_on, true)
ORDER BY call.n, silence.began_at, silence.silence_id
"""


class Call(NamedTuple):
    """A call: which number of which contract, for which agency (None: from inside), and when it started."""

    contract_id: UUID
    contact_id: UUID
    agency_id: UUID | None
    started_at: datetime


class Silence(NamedTuple):
    """Why nobody might call, and since when."""

    reason: str
    began_at: datetime


async def sync(tx: Transaction, contract_ids: Iterable[UUID]) -> None:
    """Begin and end the silences of these contracts, as the kept facts say now. The contracts are locked."""
    if ordered := sorted_unique(contract_ids):
        await tx.execute(_SYNC, ordered)


async def silent_at(tx: Transaction, calls: Sequence[Call]) -> list[Silence | None]:
    """Return for each call the silence in which it started, or None."""
    rows = await tx.fetch(_SILENT_AT, list(range(len(calls))), *zip(*calls, strict=True)) if calls else []
    found = {row["n"]: Silence(row["reason"], row["began_at"]) for row in rows}
    return [found.get(n) for n in range(len(calls))]
