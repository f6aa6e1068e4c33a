"""Who may be on a dialing list, and why not: written once, as SQL.

The builder's first insert, its second look, and whatever withdraws because a contract changed all use ``reason``, so
that they cannot disagree. The fragments expect the row aliases ``contract``, ``portfolio``, ``campaign`` and ``list``.
Call frequency is not in it: it bars from the next list only (``frequency``).
"""

from projections import placements, silence

from dialer_feed.lists import phones

ON_DATE = "greatest(list.business_date, portfolio.business_date)"
"""The business date that silences are judged on: the list's day, or the later one that the portfolio has reached."""

IN_SCOPE = "(campaign.portfolio_ids IS NULL OR portfolio.portfolio_id = ANY (campaign.portfolio_ids))"

WORTH_DIALING = f"""(
    contract.details_version >= 0 AND {IN_SCOPE}
    AND contract.stage = ANY (campaign.stages) AND contract.overdue_balance > campaign.min_overdue)"""

LIVE = "(list.status = 'building' OR (list.status = 'published' AND list.live_until > now()))"
"""A list that is being built already counts as live."""

_REPORTED = """
(SELECT reported.reason FROM reported_silence reported
    WHERE reported.contract_id = contract.contract_id AND reported.contact_id IS NULL
    ORDER BY reported.silence_id LIMIT 1)
"""
"""What a dialer has reported of the whole contract, until the portfolio has decided."""

_HELD_OFF = f"""
(SELECT CASE WHEN payment.claimed THEN 'payment_claimed' ELSE 'payment' END FROM payment
    WHERE payment.contract_id = contract.contract_id AND NOT payment.reversed
        AND {ON_DATE} < payment.business_date + campaign.payment_holdoff_days
    ORDER BY payment.claimed LIMIT 1)
"""
"""While a payment, or the claim of one, is younger than the campaign's days of hold-off."""

_NOT_PLACED = f"""
CASE WHEN campaign.agency_id IS NOT NULL THEN (
    SELECT CASE
        WHEN bool_or(ours.state = 'active' AND {placements.in_force("ours", ON_DATE)}) THEN NULL
        WHEN bool_or(ours.state <> 'active' OR ours.ends_on < {ON_DATE}) THEN 'recall'
        ELSE 'no_longer_eligible' END
    FROM placement ours
    WHERE ours.contract_id = contract.contract_id AND ours.agency_id = campaign.agency_id AND ours.kind = 'dialing') END
"""
"""Why an agency may not dial the contract: not placed with it for dialing, or not any more. From inside nobody asks."""

_HANDED_OVER = f"""
(SELECT 'no_longer_eligible' FROM placement theirs
    WHERE theirs.contract_id = contract.contract_id AND theirs.kind = 'collection'
        AND theirs.{placements.WITH_AGENCY} AND {placements.in_force("theirs", ON_DATE)} LIMIT 1)
"""
"""While an agency collects, nobody dials: also until its recall is final."""


def reason(of_phone: str = "true") -> str:
    """SQL: why the contract may not be on the list, as a withdrawal's reason; NULL when it may.

    The first reason that holds is given. ``of_phone`` says which of the contract's phones count.
    """
    return f"""coalesce(
        {silence.ALWAYS},
        {_REPORTED},
        {_HELD_OFF},
        {silence.on_day(ON_DATE)},
        {_NOT_PLACED},
        {_HANDED_OVER},
        CASE WHEN NOT EXISTS ({phones.dialable("1", of_phone)}) THEN 'no_phone' END,
        CASE WHEN {WORTH_DIALING} IS NOT TRUE THEN 'no_longer_eligible' END)"""


DAYS_PAST_DUE = silence.days_past_due("list.business_date")
