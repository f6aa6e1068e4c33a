"""Who may be on a dialing list, and why not: written once, as SQL.

The builder's first insert, its second look, and whatever withdraws because a contract changed all use ``reason``, so
that they cannot disagree. The fragments expect the row aliases ``contract``, ``portfolio``, ``campaign`` and ``list``.
"""

ON_DATE = "greatest(list.business_date, portfolio.business_date)"
"""The business date that silences are judged on: the list's day, or the later one that the portfolio has reached."""

IN_SCOPE = "(campaign.portfolio_ids IS NULL OR portfolio.portfolio_id = ANY (campaign.portfolio_ids))"

WORTH_DIALING = f"""(
    contract.details_version >= 0 AND {IN_SCOPE}
    AND contract.stage = ANY (campaign.stages) AND contract.overdue_balance > campaign.min_overdue)"""

LIVE = "(list.status = 'building' OR (list.status = 'published' AND list.live_until > now()))"
"""A list that is being built already counts as live."""


def phones(columns: str, condition: str = "true") -> str:
    """SQL: ``columns`` of the contract's phones that may be dialled, in the creditor's order."""
    return f"""
        SELECT {columns} FROM contact_point phone
        WHERE phone.contract_id = contract.contract_id
            AND phone.kind = 'phone' AND phone.present AND phone.usable AND phone.value ~ '^\\+[1-9][0-9]{{6,14}}$'
            AND NOT EXISTS (
                SELECT FROM reported_silence reported
                WHERE reported.contract_id = phone.contract_id AND reported.contact_id = phone.contact_id)
            AND {condition}
        ORDER BY phone.rank NULLS LAST, phone.contact_id"""


def _in_force(placement: str) -> str:
    return (
        f"{ON_DATE} BETWEEN coalesce({placement}.starts_on, '-infinity') AND coalesce({placement}.ends_on, 'infinity')"
    )


_NOT_PLACED = f"""
CASE WHEN campaign.agency_id IS NOT NULL THEN (
    SELECT CASE
        WHEN bool_or(ours.state = 'active' AND {_in_force("ours")}) THEN NULL
        WHEN bool_or(ours.state <> 'active' OR ours.ends_on < {ON_DATE}) THEN 'recall'
        ELSE 'no_longer_eligible' END
    FROM placement ours
    WHERE ours.contract_id = contract.contract_id AND ours.agency_id = campaign.agency_id AND ours.kind = 'dialing') END
"""
"""Why an agency may not dial the contract: not placed with it for dialing, or not any more. From inside nobody asks."""

_HANDED_OVER = f"""
(SELECT 'no_longer_eligible' FROM placement theirs
    WHERE theirs.contract_id = contract.contract_id AND theirs.kind = 'collection'
        AND theirs.state IN ('active', 'recall_pending', 'objected') AND {_in_force("theirs")} LIMIT 1)
"""
"""While an agency collects, nobody dials: also until its recall is final."""

PHONE_OF_ENTRY = "phone.contact_id = ANY (entry.contact_ids)"


def reason(of_phone: str = "true") -> str:
    """SQL: why the contract may not be on the list, as a withdrawal's reason; NULL when it may.

    ``of_phone`` says which of its phones count. Call frequency is not in it: it bars from the next list only.
    """
    return f"""coalesce(
        (SELECT 'unknown_state' FROM set_aside WHERE set_aside.contract_id = contract.contract_id LIMIT 1),
        CASE WHEN contract.state <> 'open' THEN 'closed' END,
        CASE WHEN contract.status IN ('deceased', 'represented') THEN contract.status END,
        (SELECT 'clarification' FROM clarification dispute
            WHERE dispute.contract_id = contract.contract_id AND dispute.silent LIMIT 1),
        (SELECT reported.reason FROM reported_silence reported
            WHERE reported.contract_id = contract.contract_id AND reported.contact_id IS NULL
            ORDER BY reported.silence_id LIMIT 1),
        (SELECT CASE WHEN payment.claimed THEN 'payment_claimed' ELSE 'payment' END FROM payment
            WHERE payment.contract_id = contract.contract_id AND NOT payment.reversed
                AND {ON_DATE} < payment.business_date + campaign.payment_holdoff_days
            ORDER BY payment.claimed LIMIT 1),
        (SELECT 'promise' FROM promise
            WHERE promise.contract_id = contract.contract_id AND promise.open AND promise.silent_until >= {ON_DATE}
            LIMIT 1),
        (SELECT 'paused' FROM pause
            WHERE pause.contract_id = contract.contract_id
                AND {ON_DATE} BETWEEN pause.starts_on AND coalesce(pause.ends_on, 'infinity') LIMIT 1),
        {_NOT_PLACED},
        {_HANDED_OVER},
        CASE WHEN NOT EXISTS ({phones("1", of_phone)}) THEN 'no_phone' END,
        CASE WHEN {WORTH_DIALING} IS NOT TRUE THEN 'no_longer_eligible' END)"""


DAYS_PAST_DUE = """
    greatest(0, list.business_date - contract.oldest_due_on - (
        SELECT coalesce(sum(greatest(0,
            least(coalesce(pause.ends_on, list.business_date), list.business_date)
                - greatest(pause.starts_on, contract.oldest_due_on + 1) + 1)), 0)::integer
        FROM pause WHERE pause.contract_id = contract.contract_id))"""
"""Days from the oldest unpaid due date to the list's day, without the paused ones."""
