"""The statements about the bands of portfolios, and about staging contracts again when they change."""

from portfolio.ledger.actors import CURRENT_ACTOR
from portfolio.ledger.locking import RESTAGED_BY_BANDS

_BANDS = "bands_id, from_on, early_from, late_from, legal_from, entered_at, actor AS entered_by"

ADD = f"""
INSERT INTO stage_bands (portfolio_id, from_on, early_from, late_from, legal_from, entered_on)
SELECT portfolio_id, $2, $3, $4, $5, business_date FROM portfolio WHERE portfolio_id = $1
RETURNING {_BANDS}
"""
# Each version with the last day on which it holds: the day before the next later day of another version. Of versions of
# one day only the newest holds.
VERSIONS = f"""
SELECT {_BANDS}, lead(from_on) OVER (ORDER BY from_on, bands_id) - 1 AS until,
    coalesce(lead(from_on) OVER (ORDER BY from_on, bands_id) <= from_on, false) AS replaced
FROM stage_bands WHERE portfolio_id = $1 ORDER BY from_on DESC, bands_id DESC
"""
COUNT = "SELECT count(*) FROM stage_bands WHERE portfolio_id = $1"
IS_RESTAGING = "SELECT EXISTS (SELECT FROM restaging WHERE portfolio_id = $1)"

# The bands of the business date come into force. If they are others than before, all contracts are to be staged again.
ENTER = f"""
WITH held AS (
    SELECT stage_bands.* FROM stage_bands JOIN portfolio USING (portfolio_id)
    WHERE portfolio_id = $1 AND from_on <= business_date ORDER BY from_on DESC, stage_bands.bands_id DESC LIMIT 1
), changed AS (
    UPDATE portfolio SET bands_id = held.bands_id, bands_from = held.from_on, early_from = held.early_from,
        late_from = held.late_from, legal_from = held.legal_from
    FROM held WHERE portfolio.portfolio_id = held.portfolio_id AND portfolio.bands_id IS DISTINCT FROM held.bands_id
    RETURNING portfolio.portfolio_id
)
INSERT INTO restaging (portfolio_id, actor) SELECT portfolio_id, {CURRENT_ACTOR} FROM changed
ON CONFLICT (portfolio_id) DO UPDATE SET after = '', started_at = now(), actor = excluded.actor
"""

RESTAGINGS = "SELECT portfolio_id, actor FROM restaging ORDER BY started_at, portfolio_id"
OLDEST_RESTAGING = "SELECT coalesce(extract(epoch FROM min(started_at)), 0)::float FROM restaging"
LOCK_RESTAGING = "SELECT after FROM restaging WHERE portfolio_id = $1 FOR UPDATE"
NEXT_CONTRACTS = """
SELECT contract_id, contract_number,
    contract.state = 'open' AND contract.bands_id IS DISTINCT FROM portfolio.bands_id AS to_restage
FROM contract JOIN portfolio USING (portfolio_id)
WHERE contract.portfolio_id = $1 AND contract_number > $2 ORDER BY contract_number LIMIT $3
"""
# Another worker or a payment may have staged the contracts while this one waited for their rows.
STILL_TO_RESTAGE = f"""
SELECT contract_id, {RESTAGED_BY_BANDS} AS restaged_by_bands
FROM contract JOIN portfolio USING (portfolio_id)
WHERE contract_id = ANY($1::uuid[]) AND contract.state = 'open'
    AND contract.bands_id IS DISTINCT FROM portfolio.bands_id
ORDER BY contract_id FOR UPDATE OF contract
"""
RESTAGED_TO = "UPDATE restaging SET after = $2 WHERE portfolio_id = $1"
RESTAGED_ALL = "DELETE FROM restaging WHERE portfolio_id = $1"
