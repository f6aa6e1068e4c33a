"""SQL that reads the facts for judging promises, saves the results, and finds promises whose time is over."""

from chassis.future import DAYS_AHEAD

from promises.outcomes.plans import PLAN_BROKEN

# All promises that were not cancelled, and those that were cancelled when the contract's newest plan broke: such a plan
# may live again. A promise kept long ago still uses up the money that counts for it.
PROMISES = f"""
SELECT promise_id, contract_id, made_on, due_on, silent_until, amount, paid, state, agreement_id, version, currency,
    tolerance
FROM promise WHERE contract_id = ANY ($1::uuid[]) AND (state <> 'cancelled' OR cancellation_reason = '{PLAN_BROKEN}'
    AND agreement_id = (
        SELECT agreement_id FROM agreement WHERE agreement.contract_id = promise.contract_id
        ORDER BY agreement_id DESC LIMIT 1))
"""
# The payments of each contract that were made on or after a day and not reversed.
PAYMENTS = """
SELECT payment.contract_id, payment_id, paid_on, amount
FROM unnest($1::uuid[], $2::date[]) AS since (contract_id, day)
JOIN payment ON payment.contract_id = since.contract_id AND paid_on >= since.day
WHERE NOT reversed
"""
AGREEMENTS = (
    "SELECT agreement_id, contract_id, kind, state, version, paid_before FROM agreement"
    " WHERE contract_id = ANY ($1::uuid[])"
)
# The day to judge on: the latest of the position's and the portfolio's business date and the last checked day. None of
# them moves back.
CONTRACTS = """
SELECT contract_id, state, status, greatest(as_of, business_date, checked_to) AS day
FROM contract LEFT JOIN portfolio USING (portfolio_id)
WHERE contract_id = ANY ($1::uuid[])
"""
SAVE_PROMISES = """
UPDATE promise SET state = judged.state, paid = judged.paid, version = judged.version,
    cancellation_reason = judged.cancellation_reason,
    cancel_actor = CASE WHEN judged.state = 'cancelled' THEN nullif(current_setting('app.actor', true), '')::jsonb END
FROM unnest($1::uuid[], $2::text[], $3::numeric[], $4::bigint[], $5::text[])
    AS judged (promise_id, state, paid, version, cancellation_reason)
WHERE promise.promise_id = judged.promise_id
"""
SAVE_AGREEMENTS = """
UPDATE agreement SET state = judged.state, version = judged.version,
    settled_on = CASE WHEN judged.state = 'fulfilled' THEN agreement.settled_on END,
    cancellation_reason = coalesce(judged.cancellation_reason, agreement.cancellation_reason)
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[])
    AS judged (agreement_id, state, version, cancellation_reason)
WHERE agreement.agreement_id = judged.agreement_id
"""

_WITH_TIME_OVER = """
SELECT DISTINCT promise.contract_id
FROM portfolio JOIN promise USING (portfolio_id)
WHERE promise.state = 'open' AND promise.silent_until < {day} AND ($1::uuid IS NULL OR promise.contract_id > $1)
ORDER BY promise.contract_id LIMIT $2
"""
OVER_ON_BUSINESS_DATE = _WITH_TIME_OVER.format(day="portfolio.business_date")
OVER_ON_CHECKED_DAY = _WITH_TIME_OVER.format(day="greatest(portfolio.business_date, portfolio.checked_to)")
_DUE_SOON = "promise.state = 'open' AND promise.due_soon_on IS NULL AND promise.made_on < portfolio.business_date"
# Contracts with open promises that are due on the next day, and of which that was not said.
DUE_SOON = f"""
SELECT DISTINCT promise.contract_id
FROM portfolio JOIN promise USING (portfolio_id)
WHERE {_DUE_SOON} AND promise.due_on = portfolio.business_date + 1
    AND ($1::uuid IS NULL OR promise.contract_id > $1)
ORDER BY promise.contract_id LIMIT $2
"""
SAY_DUE_SOON = f"""
UPDATE promise SET due_soon_on = portfolio.business_date, version = promise.version + 1
FROM portfolio
WHERE promise.portfolio_id = portfolio.portfolio_id AND promise.contract_id = ANY ($1::uuid[])
    AND {_DUE_SOON} AND promise.due_on = portfolio.business_date + 1
RETURNING promise.*
"""
_BEHIND = "coalesce(greatest(business_date, checked_to) < $1, true)"
_TODAY = "($2::timestamptz AT TIME ZONE timezone)::date"
# The portfolios that a check would move to a day far ahead of their today. $1: the day, $2: the time now.
AHEAD = f"""
SELECT portfolio_id, name, {_TODAY} AS today FROM portfolio
WHERE {_BEHIND} AND $1::date > {_TODAY} + {DAYS_AHEAD} ORDER BY portfolio_id
"""
# $3: whether the day may be far ahead.
CHECK_UP_TO = f"""
WITH behind AS MATERIALIZED (
    SELECT portfolio_id FROM portfolio
    WHERE {_BEHIND} AND ($3 OR $1::date <= {_TODAY} + {DAYS_AHEAD}) ORDER BY portfolio_id FOR UPDATE
)
UPDATE portfolio SET checked_to = $1 FROM behind WHERE portfolio.portfolio_id = behind.portfolio_id
"""
