"""The SQL that builds a list, in the order of the builder's steps."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from projections.contracts import person
from recobro_events import Lane, Row, Transaction, outbox
from recobro_events.contracts.dialer_feed import ContractsListed
from recobro_events.tracing import current_traceparent

from dialer_feed.campaigns.rules import OneEntryPer
from dialer_feed.lists import frequency, ordering, others, phones
from dialer_feed.lists.eligibility import DAYS_PAST_DUE_OF_MANY, HAVING, IN_SCOPE, WORTH_DIALING, reason_of_many

RELEASE_ANSWERED = "DELETE FROM reported_silence WHERE barrier_id = $1"
ANSWERED = """
SELECT DISTINCT contract_id FROM reported_silence JOIN dialing_list USING (barrier_id) WHERE list_id = $1
"""

BUILDING = """
SELECT list_id, campaign_id, business_date, barrier_id, requested_at, attempts
FROM dialing_list WHERE status = 'building'
ORDER BY requested_at, list_id
"""
_CLAIM = """
UPDATE dialing_list SET builder = $2, attempts = attempts + 1 WHERE list_id = $1 AND status = 'building'
RETURNING barrier_id
"""
_LOCK_ONE = "SELECT FROM dialing_list WHERE list_id = $1 FOR UPDATE"
# Another builder's claim waits for this lock; numbering withdrawals does not.
IS_STILL_OURS = """
SELECT true FROM dialing_list WHERE list_id = $1 AND builder = $2 AND status = 'building' FOR KEY SHARE
"""
_DISCARD = """
DELETE FROM list_entry WHERE list_id = $1 AND contract_id = ANY (ARRAY(
    SELECT contract_id FROM list_entry WHERE list_id = $1 ORDER BY contract_id FOR UPDATE))
"""

# Whether the list has an order, or wishes about phones.
_SHAPE = """
SELECT one_entry_per, list_order IS NOT NULL OR phones_per_entry IS NOT NULL OR phone_order <> '{}' AS is_shaped
FROM dialing_list JOIN campaign USING (campaign_id) WHERE list_id = $1
"""


_OF_LIST = f"""
dialing_list list
JOIN campaign USING (campaign_id)
JOIN portfolio ON {IN_SCOPE}
JOIN contract ON contract.portfolio_id = portfolio.portfolio_id AND contract.state = 'open' AND {WORTH_DIALING}"""
# What may keep contracts off, and all phones, are read in one pass each: to look them up for each contract takes
# several times as long.
_KNOWN = f"""
has AS MATERIALIZED ({HAVING}), barred AS MATERIALIZED ({frequency.BARRED}),
tired AS MATERIALIZED ({frequency.TIRED_NUMBERS}),
shared AS MATERIALIZED ({others.SHARED_NUMBERS}), dialled AS MATERIALIZED (
    SELECT contract.contract_id, array_agg(phone.contact_id ORDER BY {phones.CREDITORS_ORDER}) AS contact_ids
    FROM {_OF_LIST}
    JOIN contact_point phone ON phone.contract_id = contract.contract_id
    WHERE list.list_id = $1 AND {phones.DIALABLE} AND {frequency.NOT_TIRED}
    GROUP BY contract.contract_id
)"""
_MAY_BE_LISTED = f"""
JOIN dialled ON dialled.contract_id = contract.contract_id
LEFT JOIN has ON has.contract_id = contract.contract_id
WHERE list.list_id = $1 AND {reason_of_many("true")} IS NULL
    AND NOT EXISTS (SELECT FROM barred WHERE barred.person_id = {person()})"""


def _gather(lead_id: str) -> str:
    """SQL: insert the entries. $2 to $7: the limits of call frequency. $8: the most contracts.

    The list has no entry: whoever has claimed it has cleared it, and nobody else gathers before another claim.
    """
    return f"""
WITH {_KNOWN}
INSERT INTO list_entry
    (list_id, contract_id, contract_number, overdue_balance, days_past_due, contact_ids, shared_ids, lead_id)
SELECT list.list_id, contract.contract_id, contract.contract_number, contract.overdue_balance, {DAYS_PAST_DUE_OF_MANY},
    dialled.contact_ids, coalesce(shared.contact_ids, '{{}}'), {lead_id}
FROM {_OF_LIST}
LEFT JOIN shared ON shared.contract_id = contract.contract_id
{_MAY_BE_LISTED}
LIMIT $8
"""


def _gather_shaped(lead_id: str) -> str:
    """SQL as that of ``_gather``, for a list with an order, a size, or wishes about phones.

    Leads have a place, and what their entries name goes with them. The first that the daily size leaves out is kept.
    """
    return f"""
WITH {_KNOWN}, contacted AS MATERIALIZED ({ordering.contacted("list.list_id = $1")}), fit AS MATERIALIZED (
    SELECT contract.contract_id, {DAYS_PAST_DUE_OF_MANY} AS days_past_due, {lead_id} AS lead_id, campaign.list_order,
        campaign.daily_size, {ordering.FIRST} AS first, {ordering.SECOND} AS second, contract.contract_number
    FROM {_OF_LIST}
    LEFT JOIN contacted ON contacted.person_id = {person()}
    {_MAY_BE_LISTED}
), placed AS MATERIALIZED (
    SELECT *, CASE WHEN list_order IS NOT NULL THEN (row_number() OVER (
        ORDER BY {ordering.order("first", "second", "contract_number", "contract_id")}))::integer END AS place
    FROM fit WHERE lead_id IS NULL
), cut AS (
    UPDATE dialing_list list SET cut_at = first_out.at, cut_number = first_out.number
    FROM (VALUES (1)) AS always LEFT JOIN (
        SELECT ARRAY[first, second] AS at, contract_number AS number FROM placed WHERE place = daily_size + 1
    ) AS first_out ON true
    WHERE list.list_id = $1
)
INSERT INTO list_entry
    (list_id, contract_id, contract_number, overdue_balance, days_past_due, contact_ids, shared_ids, lead_id, place)
SELECT list.list_id, contract.contract_id, contract.contract_number, contract.overdue_balance, fit.days_past_due,
    ARRAY({phones.dialable("phone.contact_id", frequency.NOT_TIRED, phones.WISHED)} LIMIT campaign.phones_per_entry),
    coalesce(shared.contact_ids, '{{}}'), fit.lead_id, CASE WHEN fit.lead_id IS NULL THEN placed.place END
FROM fit
JOIN placed ON placed.contract_id = coalesce(fit.lead_id, fit.contract_id)
JOIN contract ON contract.contract_id = fit.contract_id
JOIN portfolio USING (portfolio_id)
LEFT JOIN shared ON shared.contract_id = fit.contract_id
JOIN dialing_list list ON list.list_id = $1
JOIN campaign USING (campaign_id)
WHERE campaign.daily_size IS NULL OR placed.place <= campaign.daily_size
LIMIT $8
"""


_LEADS = {OneEntryPer.CONTRACT: "NULL::uuid", OneEntryPer.PERSON: others.LEAD}
GATHER = {
    (per, is_shaped): write(lead_id)
    for per, lead_id in _LEADS.items()
    for is_shaped, write in ((False, _gather), (True, _gather_shaped))
}
# What an entry names leaves the list with it. All rows are locked in one order.
_RECHECK = f"""
WITH unfit AS MATERIALIZED (
    SELECT entry.contract_id
    FROM list_entry entry
    JOIN dialing_list list USING (list_id)
    JOIN campaign USING (campaign_id)
    JOIN contract USING (contract_id)
    LEFT JOIN portfolio ON portfolio.portfolio_id = contract.portfolio_id
    LEFT JOIN (
        SELECT DISTINCT entry.contract_id
        FROM list_entry entry
        JOIN contract USING (contract_id)
        JOIN contact_point phone USING (contract_id)
        WHERE entry.list_id = $1 AND {phones.OF_ENTRY} AND {phones.DIALABLE}
    ) AS dialled USING (contract_id)
    LEFT JOIN ({HAVING}) AS has USING (contract_id)
    WHERE entry.list_id = $1
        AND ({reason_of_many("(dialled.contract_id IS NOT NULL)")} IS NOT NULL OR {others.OF_ANOTHER})
)
DELETE FROM list_entry WHERE list_id = $1 AND contract_id = ANY (ARRAY(
    SELECT contract_id FROM list_entry
    WHERE list_id = $1 AND contract_id = ANY (ARRAY(
        SELECT contract_id FROM unfit
        UNION ALL
        SELECT other.contract_id FROM unfit JOIN list_entry other
            ON other.lead_id = unfit.contract_id AND other.list_id = $1))
    ORDER BY contract_id
    FOR UPDATE))
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
# A contract whose lead has just left the list waits for the next one, and does not count.
# A list's day ends at midnight in the portfolio's time zone, or in the zone with the latest midnight where there are
# several.
_PUBLISH = f"""
WITH counted AS (
    SELECT count(*) FILTER (WHERE entry.lead_id IS NULL)::integer AS entries,
        coalesce(sum(entry.overdue_balance) FILTER (WHERE entry.lead_id IS NULL OR EXISTS (
            SELECT FROM list_entry lead WHERE lead.contract_id = entry.lead_id AND lead.list_id = entry.list_id)), 0)
            AS overdue_total
    FROM list_entry entry WHERE entry.list_id = $1
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
_CONTRACTS_OF_EVENT = 1_000
_LISTED = outbox.rows(
    ContractsListed,
    body="""json_build_object('list_id', list.list_id, 'campaign_id', list.campaign_id, 'campaign_name', campaign.name,
        'agency_id', campaign.agency_id, 'business_date', list.business_date, 'published_at', list.published_at,
        'contract_ids', listed.contract_ids)""",
    key="list.list_id",
    traceparent="$2",
)
_ANNOUNCE = f"""
WITH entry AS MATERIALIZED (
    SELECT contract_id, (row_number() OVER () - 1) / {_CONTRACTS_OF_EVENT} AS event
    FROM list_entry WHERE list_id = $1
), listed AS (
    SELECT event, json_agg(contract_id) AS contract_ids FROM entry GROUP BY event
)
{_LISTED}
FROM listed, dialing_list list JOIN campaign USING (campaign_id) WHERE list.list_id = $1 ORDER BY event
"""
_FAIL = """
UPDATE dialing_list SET status = 'failed', error = $2, error_detail = $3, waiting_for = $4
WHERE list_id = $1 AND status = 'building' RETURNING list_id
"""


_LONG_SECONDS = 900
# A list takes more contracts than PostgreSQL expects from its conditions, and nested loops are slow for so many.
_LONG = """
SELECT set_config('statement_timeout', $1, true), set_config('enable_nestloop', 'off', true),
    set_config('work_mem', '64MB', true)
"""


async def _execute_long(tx: Transaction, sql: str, *arguments: Any) -> int:
    """Run a statement over a whole list, and return how many rows it has written.

    It may take longer than other statements, and blocks nobody meanwhile.
    """
    await tx.execute(_LONG, f"{_LONG_SECONDS}s")
    status: str = await tx.connection.execute(sql, *arguments, timeout=_LONG_SECONDS)
    return int(status.rpartition(" ")[2])


async def claim(tx: Transaction, list_id: UUID, builder: UUID) -> UUID | None:
    """Claim the list. Return its barrier, or None when it is not ``building``. Steps of other builders then fail."""
    await tx.execute(_LOCK_ONE, list_id)
    barrier_id: UUID | None = await tx.fetchval(_CLAIM, list_id, builder)
    return barrier_id


async def discard_entries(tx: Transaction, list_id: UUID) -> None:
    await _execute_long(tx, _DISCARD, list_id)


async def gather(tx: Transaction, list_id: UUID, frequency: Sequence[Any], most: int) -> int:
    """Insert an entry for each contract or person that may be on the list now. Return the number of contracts.

    ``most`` is the most contracts, those that entries name included.
    """
    shape = await tx.fetchrow(_SHAPE, list_id)
    assert shape is not None
    sql = GATHER[OneEntryPer(shape["one_entry_per"]), shape["is_shaped"]]
    return await _execute_long(tx, sql, list_id, *frequency, most)


async def recheck(tx: Transaction, list_id: UUID) -> None:
    """Delete the entries of contracts that may no longer be on the list."""
    await _execute_long(tx, _RECHECK, list_id)


async def lock_for_publishing(tx: Transaction, list_id: UUID, campaign_id: UUID, builder: UUID) -> bool:
    """Lock the list and the lists that it will close. Return whether it is still ``building`` and claimed by us."""
    rows = await tx.fetch(_LOCK_FOR_PUBLISHING, list_id, campaign_id)
    return any((row["list_id"], row["status"], row["builder"]) == (list_id, "building", builder) for row in rows)


async def publish(tx: Transaction, list_id: UUID, campaign_id: UUID) -> Row:
    """Publish the locked list with its remaining entries, and close the campaign's other lists."""
    await tx.execute(_DROP_WITHDRAWN, list_id)
    await tx.execute(_CLOSE_OTHERS, list_id, campaign_id)
    row = await tx.fetchrow(_PUBLISH, list_id)
    assert row is not None
    await _execute_long(tx, _ANNOUNCE, list_id, current_traceparent())
    tx.wrote_outbox(Lane.BULK)
    return row


async def fail(tx: Transaction, list_id: UUID, error: str, detail: str, waiting_for: Sequence[str]) -> bool:
    await discard_entries(tx, list_id)
    return await tx.fetchval(_FAIL, list_id, error, detail, list(waiting_for)) is not None
