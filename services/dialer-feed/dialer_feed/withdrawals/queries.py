"""Taking entries off live lists, numbering them, and reading them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis import Reader
from recobro_events import Row, Transaction

from dialer_feed.lists.eligibility import LIVE, ON_DATE, PHONE_OF_ENTRY, phones, reason
from dialer_feed.wakeups import ring

_SILENCING = "7203550203"
_SHARE = f"SELECT pg_advisory_xact_lock_shared({_SILENCING})"
_WAIT = f"SELECT pg_advisory_xact_lock({_SILENCING})"

_LOCK_ENTRIES = f"""
SELECT FROM list_entry entry JOIN dialing_list list USING (list_id)
WHERE entry.contract_id = ANY ($1::uuid[]) AND entry.status = 'listed' AND {LIVE}
ORDER BY entry.contract_id, entry.list_id
FOR UPDATE OF entry
"""

_TAKE = """
UPDATE list_entry entry SET
    status = 'withdrawn', reason = taken.reason, cause_event_id = taken.event_id, caused_at = taken.caused_at
FROM taken
WHERE entry.contract_id = taken.contract_id AND entry.list_id = taken.list_id AND taken.reason IS NOT NULL
    AND entry.status = 'listed'
RETURNING entry.contract_id, entry.list_id
"""
# $5: also that list, live or not; $6: no other list.
_WITHDRAW = f"""
WITH taken AS (
    SELECT entry.contract_id, entry.list_id, cause.reason, cause.event_id, cause.caused_at
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[])
        AS cause (contract_id, reason, event_id, caused_at)
    JOIN list_entry entry USING (contract_id)
    JOIN dialing_list list USING (list_id)
    WHERE entry.status = 'listed' AND (entry.list_id = $5 OR ($6::boolean IS NOT TRUE AND {LIVE}))
)
{_TAKE}
"""
_WITHDRAW_WITHIN = f"""
WITH taken AS (
    SELECT entry.contract_id, entry.list_id, cause.reason, cause.event_id, cause.caused_at
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::uuid[], $6::date[], $7::date[])
        AS cause (contract_id, reason, event_id, caused_at, agency_id, starts_on, ends_on)
    JOIN contract USING (contract_id)
    JOIN list_entry entry USING (contract_id)
    JOIN dialing_list list USING (list_id)
    JOIN campaign USING (campaign_id)
    LEFT JOIN portfolio ON portfolio.portfolio_id = contract.portfolio_id
    WHERE entry.status = 'listed' AND {LIVE}
        AND (cause.agency_id IS NULL OR campaign.agency_id = cause.agency_id)
        AND {ON_DATE} BETWEEN coalesce(cause.starts_on, '-infinity') AND coalesce(cause.ends_on, 'infinity')
)
{_TAKE}
"""
_WITHDRAW_NUMBERS = f"""
WITH taken AS (
    SELECT entry.contract_id, entry.list_id, cause.event_id, cause.caused_at,
        CASE WHEN EXISTS ({phones("1", PHONE_OF_ENTRY)}) THEN cause.reason ELSE 'no_phone' END AS reason
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::uuid[])
        AS cause (contract_id, reason, event_id, caused_at, contact_id)
    JOIN contract USING (contract_id)
    JOIN list_entry entry USING (contract_id)
    JOIN dialing_list list USING (list_id)
    WHERE entry.status = 'listed' AND {LIVE} AND cause.contact_id = ANY (entry.contact_ids)
)
{_TAKE}
"""
_WITHDRAW_UNFIT = f"""
WITH taken AS (
    SELECT entry.contract_id, entry.list_id, cause.event_id, cause.caused_at, {reason(PHONE_OF_ENTRY)} AS reason
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS cause (contract_id, event_id, caused_at)
    JOIN contract USING (contract_id)
    JOIN list_entry entry USING (contract_id)
    JOIN dialing_list list USING (list_id)
    JOIN campaign USING (campaign_id)
    LEFT JOIN portfolio ON portfolio.portfolio_id = contract.portfolio_id
    WHERE entry.status = 'listed' AND {LIVE}
)
{_TAKE}
"""

# A locked row is read again: a list may have been published, or a cursor given, while we waited for it. What is taken
# off a list that is still being built was never published, and gets no cursor. The lists' bells ring here, in every
# process: a statement of their own would be a round trip more on the way of a payment.
_NUMBER = f"""
WITH held AS MATERIALIZED (
    SELECT list_id, status, campaign_id, last_cursor FROM dialing_list
    WHERE list_id = ANY ($2::uuid[]) ORDER BY list_id FOR NO KEY UPDATE
), numbered AS (
    SELECT taken.contract_id, taken.list_id, campaign.agency_id,
        held.last_cursor + row_number() OVER (PARTITION BY taken.list_id ORDER BY taken.n) AS cursor
    FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS taken (contract_id, list_id, n)
    JOIN held USING (list_id)
    JOIN campaign USING (campaign_id)
    WHERE held.status IN ('published', 'closed')
), counted AS (
    UPDATE dialing_list list SET last_cursor = newest.cursor
    FROM (SELECT list_id, max(cursor) AS cursor FROM numbered GROUP BY list_id) AS newest
    WHERE list.list_id = newest.list_id
    RETURNING {ring("list.list_id")}
)
UPDATE list_entry entry SET cursor = numbered.cursor, withdrawn_at = (SELECT clock_timestamp())
FROM numbered
WHERE entry.contract_id = numbered.contract_id AND entry.list_id = numbered.list_id
RETURNING entry.contract_id, entry.list_id, entry.contract_number, entry.reason, entry.cause_event_id,
    entry.caused_at, entry.withdrawn_at, entry.cursor, numbered.agency_id
"""
_AFTER = """
SELECT cursor, contract_id, contract_number, reason, caused_at, withdrawn_at
FROM list_entry WHERE list_id = $1 AND cursor > $2 ORDER BY cursor LIMIT $3
"""


async def share_silencing(tx: Transaction) -> None:
    await tx.execute(_SHARE)


async def wait_for_silencing(tx: Transaction) -> None:
    """Return when every transaction that was silencing has ended; those that begin meanwhile wait for us."""
    await tx.execute(_WAIT)


async def lock_live_entries(tx: Transaction, contract_ids: Sequence[UUID]) -> None:
    await tx.execute(_LOCK_ENTRIES, contract_ids)


async def withdraw(
    tx: Transaction, columns: Sequence[Any], list_id: UUID | None = None, *, only_there: bool = False
) -> list[Row]:
    return await tx.fetch(_WITHDRAW, *columns, list_id, only_there)


async def withdraw_within(tx: Transaction, columns: Sequence[Any]) -> list[Row]:
    return await tx.fetch(_WITHDRAW_WITHIN, *columns)


async def withdraw_numbers(tx: Transaction, columns: Sequence[Any]) -> list[Row]:
    return await tx.fetch(_WITHDRAW_NUMBERS, *columns)


async def withdraw_unfit(tx: Transaction, columns: Sequence[Any]) -> list[Row]:
    return await tx.fetch(_WITHDRAW_UNFIT, *columns)


async def number(tx: Transaction, contract_ids: Sequence[UUID], list_ids: Sequence[UUID]) -> list[Row]:
    """Lock these lists in the order of their ids, give the entries their next cursors, in this order."""
    return await tx.fetch(_NUMBER, contract_ids, list_ids)


async def withdrawals_after(reader: Reader, list_id: UUID, cursor: int, limit: int) -> list[Row]:
    return await reader.fetch(_AFTER, list_id, cursor, limit)
