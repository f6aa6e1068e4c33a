"""The statements of attempts of the creditor's own people."""

from chassis.paging import both_orders
from recobro_events import outbox
from recobro_events.contracts.portfolio import AttemptMade

_ATTEMPT = """
attempt_id, contract_id, channel, outcome, right_party, made_at, business_date, note, permit_id, recorded_at, actor"""
# An attempt counts on its day in the portfolio's zone; where the portfolio's day lags behind, on that one. $7: the most
# attempts of a day. $8: the attempt on another contract that was the same call. $9: the permit. $10: the id of an
# attempt that is entered again. ``attempts`` counts those of the episode, with the new one.
ADD_ATTEMPT = f"""
WITH place AS MATERIALIZED (
    SELECT contract_id, contract.episode, least(($5::timestamptz AT TIME ZONE timezone)::date, portfolio.business_date)
        AS day
    FROM contract JOIN portfolio USING (portfolio_id) WHERE contract_id = $1
)
INSERT INTO attempt (attempt_id, contract_id, channel, outcome, right_party, made_at, note, business_date, episode,
    same_as, permit_id)
SELECT coalesce($10, uuidv7()), $1, $2, $3, $4, $5, $6, day, episode, $8, $9 FROM place
WHERE (SELECT count(*) FROM attempt WHERE contract_id = $1 AND business_date = place.day) < $7
RETURNING {_ATTEMPT}, episode, same_as,
    1 + (SELECT count(*) FROM attempt AS earlier
        WHERE earlier.contract_id = attempt.contract_id AND earlier.episode = attempt.episode)::integer AS attempts
"""
ATTEMPT_EXISTS = "SELECT EXISTS (SELECT FROM attempt WHERE attempt_id = $1)"
CONTRACT_EXISTS = "SELECT EXISTS (SELECT FROM contract WHERE contract_id = $1)"
ATTEMPTS = both_orders(f"""
SELECT {_ATTEMPT} FROM attempt
WHERE contract_id = $1 AND ($2::uuid IS NULL OR attempt_id {{beyond}} $2)
ORDER BY attempt_id {{order}} LIMIT $3
""")
ATTEMPTS_COUNT_DAYS = 60
"""Call frequency looks back so far."""
_REPUBLISHED = outbox.rows(
    AttemptMade,
    body="""json_build_object('contract_id', contract_id, 'attempt_id', attempt_id, 'channel', channel,
        'outcome', outcome, 'right_party', right_party, 'made_at', made_at, 'business_date', business_date,
        'episode', episode, 'attempts', attempts, 'same_as', same_as, 'permit_id', permit_id)""",
    traceparent="$2",
    audience="$3",
)
REPUBLISH_ATTEMPTS = f"""
WITH known AS MATERIALIZED (
    SELECT attempt.*, contract.episode AS present,
        row_number() OVER (PARTITION BY contract_id, attempt.episode ORDER BY attempt_id) AS attempts
    FROM attempt JOIN contract USING (contract_id) WHERE contract_id = ANY($1::uuid[])
)
{_REPUBLISHED}
FROM known WHERE episode = present OR business_date > current_date - {ATTEMPTS_COUNT_DAYS}
ORDER BY contract_id, attempt_id
"""
"""Attempts of these contracts that still decide something. $2 traceparent, $3 audience."""
