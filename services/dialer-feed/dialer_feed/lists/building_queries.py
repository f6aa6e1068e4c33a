"""Campaigns and the building of their lists."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from chassis import Reader
from recobro_events import Row, Transaction

from dialer_feed.campaigns.rules import DEFAULT_MAX_ATTEMPTS_PER_7_DAYS, Standing
from dialer_feed.lists.eligibility import DAYS_PAST_DUE, IN_SCOPE, PHONE_OF_ENTRY, WORTH_DIALING, phones, reason

_STANDINGS = f"""
SELECT portfolio.portfolio_id, portfolio.name, portfolio.state, portfolio.business_date,
    parked_keys.key IS NOT NULL AS set_aside
FROM campaign
JOIN portfolio ON {IN_SCOPE}
LEFT JOIN parked_keys ON parked_keys.key = portfolio.portfolio_id::text
WHERE campaign.campaign_id = $1
    AND EXISTS (SELECT FROM contract WHERE contract.portfolio_id = portfolio.portfolio_id AND contract.state = 'open')
    AND (portfolio.state <> 'ready' OR portfolio.business_date IS DISTINCT FROM $2 OR parked_keys.key IS NOT NULL)
ORDER BY portfolio.name, portfolio.portfolio_id
"""
_OCCUPYING = """
SELECT list_id FROM dialing_list WHERE campaign_id = $1 AND business_date = $2 AND status <> 'failed'
"""
_REQUEST = """
INSERT INTO dialing_list (campaign_id, business_date, status, barrier_id) VALUES ($1, $2, 'building', $3)
ON CONFLICT (campaign_id, business_date) WHERE status <> 'failed' DO NOTHING
RETURNING list_id
"""
_AWAIT_ANSWERS = "UPDATE reported_silence SET barrier_id = $1 WHERE barrier_id IS DISTINCT FROM $1"
_ANSWERED = "DELETE FROM reported_silence WHERE barrier_id = $1"

_BUILDING = """
SELECT list_id, campaign_id, business_date, barrier_id, requested_at FROM dialing_list WHERE status = 'building'
ORDER BY requested_at, list_id
"""
_CLAIM = "UPDATE dialing_list SET builder = $2 WHERE list_id = $1 AND status = 'building' RETURNING barrier_id"
_LOCK_ONE = "SELECT FROM dialing_list WHERE list_id = $1 FOR UPDATE"
# A claim by somebody else waits for this lock; numbering withdrawals does not.
_STILL_OURS = """
SELECT true FROM dialing_list WHERE list_id = $1 AND builder = $2 AND status = 'building' FOR KEY SHARE
"""
_DISCARD = """
DELETE FROM list_entry WHERE list_id = $1 AND contract_id = ANY (ARRAY(
    SELECT contract_id FROM list_entry WHERE list_id = $1 ORDER BY contract_id FOR UPDATE))
"""

# $2, $3, $4: jurisdictions, their most calls in 7 days, their days of silence after a conversation. Visits count as
# calls do.
_GATHER = f"""
WITH barred AS MATERIALIZED (
    SELECT contract.debtor_id
    FROM dialing_list list
    JOIN campaign USING (campaign_id)
    JOIN (
        SELECT contract_id, business_date, right_party FROM call_result
        UNION ALL
        SELECT contract_id, visit_on, met_debtor FROM visit WHERE made
    ) AS contact ON contact.business_date BETWEEN list.business_date - 60 AND list.business_date
    JOIN contract USING (contract_id)
    LEFT JOIN unnest($2::text[], $3::integer[], $4::integer[]) AS rule (jurisdiction, most, silent_days)
        USING (jurisdiction)
    WHERE list.list_id = $1
    GROUP BY contract.debtor_id, campaign.campaign_id
    HAVING count(*) FILTER (WHERE contact.business_date > list.business_date - 7)
            >= coalesce(least(campaign.max_attempts_per_7_days, min(rule.most)), {DEFAULT_MAX_ATTEMPTS_PER_7_DAYS})
        OR bool_or(contact.right_party AND contact.business_date > list.business_date - rule.silent_days)
)
INSERT INTO list_entry (list_id, contract_id, contract_number, overdue_balance, days_past_due, contact_ids)
SELECT list.list_id, contract.contract_id, contract.contract_number, contract.overdue_balance, {DAYS_PAST_DUE},
    ARRAY({phones("phone.contact_id")})
FROM dialing_list list
JOIN campaign USING (campaign_id)
JOIN portfolio ON {IN_SCOPE}
JOIN contract ON contract.portfolio_id = portfolio.portfolio_id AND contract.state = 'open' AND {WORTH_DIALING}
WHERE list.list_id = $1 AND {reason()} IS NULL
    AND NOT EXISTS (SELECT FROM barred WHERE barred.debtor_id = contract.debtor_id)
ON CONFLICT DO NOTHING
"""
_LOOK_AGAIN = f"""
DELETE FROM list_entry WHERE list_id = $1 AND contract_id = ANY (ARRAY(
    SELECT entry.contract_id
    FROM list_entry entry
    JOIN dialing_list list USING (list_id)
    JOIN campaign USING (campaign_id)
    JOIN contract USING (contract_id)
    LEFT JOIN portfolio ON portfolio.portfolio_id = contract.portfolio_id
    WHERE entry.list_id = $1 AND {reason(PHONE_OF_ENTRY)} IS NOT NULL
    ORDER BY entry.contract_id
    FOR UPDATE OF entry))
"""
_LOCK_FOR_PUBLISHING = """
SELECT list_id, status, builder FROM dialing_list
WHERE list_id = $1 OR (campaign_id = $2 AND status = 'published')
ORDER BY list_id FOR UPDATE
"""
_DROP_WITHDRAWN = "DELETE FROM list_entry WHERE list_id = $1 AND status = 'withdrawn'"
_CLOSE_OTHERS = """
UPDATE dialing_list SET status = 'closed', live_until = least(live_until, clock_timestamp())
WHERE campaign_id = $2 AND status = 'published' AND list_id <> $1
"""
# A day ends at midnight of the portfolio; where a list spans several time zones, with the last of them.
_PUBLISH = f"""
WITH counted AS (
    SELECT count(*)::integer AS entries, coalesce(sum(overdue_balance), 0) AS overdue_total
    FROM list_entry WHERE list_id = $1
), published AS (
    SELECT clock_timestamp() AS at
), day AS (
    SELECT max((greatest(list.business_date, (published.at AT TIME ZONE zone)::date) + 1)::timestamp AT TIME ZONE zone)
        AS ends_at
    FROM published, dialing_list list JOIN campaign USING (campaign_id)
    LEFT JOIN portfolio ON {IN_SCOPE}, LATERAL (SELECT coalesce(portfolio.timezone, 'UTC') AS zone)
    WHERE list.list_id = $1
)
UPDATE dialing_list list SET
    status = 'published', entries = counted.entries, overdue_total = counted.overdue_total,
    published_at = published.at, live_until = day.ends_at
FROM counted, published, day, campaign
WHERE list.list_id = $1 AND campaign.campaign_id = list.campaign_id
RETURNING list.list_id, list.campaign_id, campaign.agency_id, list.business_date, list.entries, list.overdue_total,
    list.requested_at, list.published_at
"""
_FAIL = """
UPDATE dialing_list SET status = 'failed', error = $2, error_detail = $3, waiting_for = $4
WHERE list_id = $1 AND status = 'building' RETURNING list_id
"""


_LONG_SECONDS = 900
_LONG = "SELECT set_config('statement_timeout', $1, true)"


async def _execute_long(tx: Transaction, sql: str, *arguments: Any) -> None:
    """A statement over a whole list may take longer than others; it blocks nobody meanwhile."""
    await tx.execute(_LONG, f"{_LONG_SECONDS}s")
    await tx.connection.execute(sql, *arguments, timeout=_LONG_SECONDS)


async def standings_in_the_way(reader: Reader, campaign_id: UUID, day: date) -> list[Standing]:
    """The campaign's portfolios with open contracts that are not ready for this very day."""
    return [Standing(**row) for row in await reader.fetch(_STANDINGS, campaign_id, day)]


async def list_of_the_day(reader: Reader, campaign_id: UUID, day: date) -> UUID | None:
    """The campaign's list of that day; a failed one does not count."""
    list_id: UUID | None = await reader.fetchval(_OCCUPYING, campaign_id, day)
    return list_id


async def start_list(tx: Transaction, campaign_id: UUID, day: date, barrier_id: UUID) -> UUID | None:
    """A list in ``building``; None when somebody else was faster."""
    list_id: UUID | None = await tx.fetchval(_REQUEST, campaign_id, day, barrier_id)
    return list_id


async def await_answers(tx: Transaction, barrier_id: UUID) -> None:
    """What dialers have reported by now is decided once this barrier, asked for in this transaction, is reached."""
    await tx.execute(_AWAIT_ANSWERS, barrier_id)


async def forget_answered(tx: Transaction, barrier_id: UUID) -> None:
    await tx.execute(_ANSWERED, barrier_id)


async def building(reader: Reader) -> list[Row]:
    return await reader.fetch(_BUILDING)


async def claim(tx: Transaction, list_id: UUID, builder: UUID) -> UUID | None:
    """Make it ours; its barrier, or None when it is not being built. No step of another builder runs on."""
    await tx.execute(_LOCK_ONE, list_id)
    barrier_id: UUID | None = await tx.fetchval(_CLAIM, list_id, builder)
    return barrier_id


async def is_still_ours(tx: Transaction, list_id: UUID, builder: UUID) -> bool:
    return bool(await tx.fetchval(_STILL_OURS, list_id, builder))


async def discard_entries(tx: Transaction, list_id: UUID) -> None:
    await _execute_long(tx, _DISCARD, list_id)


async def gather(tx: Transaction, list_id: UUID, frequency: Sequence[Any]) -> None:
    """Insert everyone who may be listed, as known now."""
    await _execute_long(tx, _GATHER, list_id, *frequency)


async def look_again(tx: Transaction, list_id: UUID) -> None:
    """Delete the entries of those who, as known now, may not be listed."""
    await _execute_long(tx, _LOOK_AGAIN, list_id)


async def lock_for_publishing(tx: Transaction, list_id: UUID, campaign_id: UUID, builder: UUID) -> bool:
    """Lock it and the lists it will close; whether it is still being built, and by us."""
    rows = await tx.fetch(_LOCK_FOR_PUBLISHING, list_id, campaign_id)
    return any((row["list_id"], row["status"], row["builder"]) == (list_id, "building", builder) for row in rows)


async def publish(tx: Transaction, list_id: UUID, campaign_id: UUID) -> Row:
    """Publish the (locked) list with what is left of it, and close the campaign's others."""
    await tx.execute(_DROP_WITHDRAWN, list_id)
    await tx.execute(_CLOSE_OTHERS, list_id, campaign_id)
    row = await tx.fetchrow(_PUBLISH, list_id)
    assert row is not None
    return row


async def fail(tx: Transaction, list_id: UUID, error: str, detail: str, waiting_for: Sequence[str]) -> bool:
    await discard_entries(tx, list_id)
    return await tx.fetchval(_FAIL, list_id, error, detail, list(waiting_for)) is not None
