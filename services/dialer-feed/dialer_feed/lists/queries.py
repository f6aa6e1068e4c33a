"""Reading campaigns, lists and entries. An agency sees its own; ``agency_id`` null sees everything."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis import Reader
from recobro_events import Row, Transaction

from dialer_feed.lists.eligibility import PHONE_OF_ENTRY, phones

_CAMPAIGN = """
SELECT campaign_id, agency_id, name, min_overdue, stages, payment_holdoff_days, portfolio_ids,
    max_attempts_per_7_days, created_at
FROM campaign
"""
_CREATE_CAMPAIGN = """
INSERT INTO campaign
    (name, agency_id, min_overdue, stages, payment_holdoff_days, portfolio_ids, max_attempts_per_7_days)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *
"""
_ONE_CAMPAIGN = f"{_CAMPAIGN} WHERE campaign_id = $1 AND ($2::uuid IS NULL OR agency_id = $2)"
_CAMPAIGNS = f"""
{_CAMPAIGN}
WHERE ($1::timestamptz IS NULL OR (created_at, campaign_id) > ($1, $2)) AND ($3::uuid IS NULL OR agency_id = $3)
ORDER BY created_at, campaign_id LIMIT $4
"""
_UNKNOWN_PORTFOLIOS = """
SELECT asked.portfolio_id FROM unnest($1::uuid[]) AS asked (portfolio_id)
LEFT JOIN portfolio USING (portfolio_id) WHERE portfolio.portfolio_id IS NULL
"""
# A list whose day is over is closed, whether or not a job has said so.
_LIST = """
SELECT list.list_id, list.campaign_id, campaign.agency_id, list.business_date,
    CASE WHEN list.status = 'published' AND list.live_until <= now() THEN 'closed' ELSE list.status END AS status,
    list.entries, CASE WHEN list.published_at IS NOT NULL THEN list.last_cursor END AS withdrawn, list.overdue_total,
    list.requested_at, list.published_at, list.live_until, list.barrier_id, list.waiting_for, list.error,
    list.error_detail, list.last_cursor
FROM dialing_list list JOIN campaign USING (campaign_id)
"""
_ONE_LIST = f"{_LIST} WHERE list.list_id = $1 AND ($2::uuid IS NULL OR campaign.agency_id = $2)"
_AGENCIES_OF_LISTS = """
SELECT list.list_id, campaign.agency_id FROM dialing_list list JOIN campaign USING (campaign_id)
WHERE list.list_id = ANY ($1::uuid[]) AND ($2::uuid IS NULL OR campaign.agency_id = $2)
"""
_LISTS = f"""
{_LIST}
WHERE ($1::uuid IS NULL OR list.campaign_id = $1) AND ($2::date IS NULL OR list.business_date = $2)
    AND ($3::timestamptz IS NULL OR (list.requested_at, list.list_id) < ($3, $4))
    AND ($5::uuid IS NULL OR campaign.agency_id = $5)
ORDER BY list.requested_at DESC, list.list_id DESC LIMIT $6
"""
_ENTRIES = f"""
SELECT entry.contract_number, entry.contract_id, contract.name, entry.overdue_balance, entry.days_past_due,
    contract.jurisdiction, contract.region, portfolio.creditor_kind, portfolio.timezone AS portfolio_timezone,
    ARRAY({phones("phone.value", PHONE_OF_ENTRY)}) AS phones,
    ARRAY({phones("phone.timezone", PHONE_OF_ENTRY)}) AS timezones
FROM list_entry entry
JOIN contract USING (contract_id)
JOIN portfolio USING (portfolio_id)
WHERE entry.list_id = $1 AND entry.status = 'listed'
    AND ($2::text IS NULL OR (entry.contract_number, entry.contract_id) > ($2, $3))
ORDER BY entry.contract_number, entry.contract_id LIMIT $4
"""


async def create_campaign(tx: Transaction, values: Sequence[Any]) -> Row:
    row = await tx.fetchrow(_CREATE_CAMPAIGN, *values)
    assert row is not None
    return row


async def campaign(reader: Reader, campaign_id: UUID, agency_id: UUID | None = None) -> Row | None:
    return await reader.fetchrow(_ONE_CAMPAIGN, campaign_id, agency_id)


async def campaigns(
    reader: Reader, after: tuple[datetime, UUID] | None, agency_id: UUID | None, limit: int
) -> list[Row]:
    return await reader.fetch(_CAMPAIGNS, *(after or (None, None)), agency_id, limit)


async def unknown_portfolios(reader: Reader, portfolio_ids: Sequence[UUID]) -> list[UUID]:
    """Those of these that were never heard of."""
    return [row["portfolio_id"] for row in await reader.fetch(_UNKNOWN_PORTFOLIOS, portfolio_ids)]


async def dialing_list(reader: Reader, list_id: UUID, agency_id: UUID | None = None) -> Row | None:
    return await reader.fetchrow(_ONE_LIST, list_id, agency_id)


async def agencies_of_lists(
    reader: Reader, list_ids: Sequence[UUID], agency_id: UUID | None
) -> dict[UUID, UUID | None]:
    """Those of these lists that may be seen, each with its agency."""
    rows = await reader.fetch(_AGENCIES_OF_LISTS, list_ids, agency_id)
    return {row["list_id"]: row["agency_id"] for row in rows}


async def lists(
    reader: Reader,
    campaign_id: UUID | None,
    day: date | None,
    after: tuple[datetime, UUID] | None,
    agency_id: UUID | None,
    limit: int,
) -> list[Row]:
    """Newest first."""
    return await reader.fetch(_LISTS, campaign_id, day, *(after or (None, None)), agency_id, limit)


async def listed_entries(reader: Reader, list_id: UUID, after: tuple[str, UUID] | None, limit: int) -> list[Row]:
    """Entries still on the list, by contract number."""
    return await reader.fetch(_ENTRIES, list_id, *(after or (None, None)), limit)
