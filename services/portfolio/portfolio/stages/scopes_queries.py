"""The statements of pauses of a person, a portfolio or a postal code."""

from chassis.paging import both_orders

from portfolio.ledger.actors import CURRENT_ACTOR
from portfolio.ledger.history import INTO_HISTORY
from portfolio.ledger.whole_queries import NEXT_VERSION

NO_CONTRACT = "'00000000-0000-0000-0000-000000000000'"

CREDITOR_EXISTS = "SELECT EXISTS (SELECT FROM creditor WHERE creditor_id = $1)"
CREDITOR_OF_PERSON = """
SELECT creditor_id FROM debtor WHERE person_id = $1 OR (debtor_id = $1 AND person_id IS NULL) LIMIT 1
"""
ADD_SCOPE = """
INSERT INTO pause_scope (scope_id, kind, creditor_id, person_id, portfolio_id, country, postal_code)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
"""
LOCK_SCOPE = "SELECT scope_id FROM pause_scope WHERE scope_id = $1 FOR UPDATE"
SCOPE_OF = "SELECT pause_scope.* FROM scoped_pause JOIN pause_scope USING (scope_id) WHERE pause_id = $1"
TODAY = """
SELECT max(business_date) FROM portfolio WHERE creditor_id = $1 AND ($2::uuid IS NULL OR portfolio_id = $2)
"""
PAUSE = "SELECT * FROM scoped_pause WHERE pause_id = $1"
OVERLAPPING = """
SELECT pause_id FROM scoped_pause
WHERE scope_id = $1 AND coalesce(ends_on, 'infinity') >= starts_on
    AND starts_on <= coalesce($3::date, 'infinity') AND coalesce(ends_on, 'infinity') >= $2::date
ORDER BY starts_on LIMIT 1
"""
COUNT = "SELECT count(*) FROM scoped_pause WHERE scope_id = $1"
START = f"""
INSERT INTO scoped_pause (pause_id, scope_id, reason, starts_on, ends_on, applied_to)
VALUES (coalesce($5::uuid, uuidv7()), $1, $2, $3, $4, {NO_CONTRACT}) RETURNING pause_id
"""
END = f"""
UPDATE scoped_pause SET ends_on = $2, ended_by = {CURRENT_ACTOR}, applied_to = {NO_CONTRACT} WHERE pause_id = $1
"""

_SEEN = """
SELECT pause_id, kind, creditor_id, person_id, portfolio_id, country, postal_code, reason, starts_on, ends_on,
    (SELECT count(*) FROM pause WHERE scoped_pause_id = scoped_pause.pause_id) AS contracts,
    applied_to IS NULL AS applied, created_at, actor AS created_by
FROM scoped_pause JOIN pause_scope USING (scope_id)
"""
ONE = f"{_SEEN} WHERE pause_id = $1"
LISTED = both_orders(f"""{_SEEN}
WHERE ($1::uuid IS NULL OR creditor_id = $1)
    AND ($2::uuid IS NULL OR portfolio_id = $2 OR (portfolio_id IS NULL
        AND creditor_id = (SELECT creditor_id FROM portfolio WHERE portfolio.portfolio_id = $2)))
    AND ($3::uuid IS NULL OR pause_id {{beyond}} $3)
ORDER BY pause_id {{order}} LIMIT $4
""")

_POSTAL_KEY = "upper(replace(address.postal_code, ' ', ''))"
# Whether the row ``contract`` belongs to the row ``scope``.
_BELONGS = f"""CASE scope.kind
    WHEN 'portfolio' THEN contract.portfolio_id = scope.portfolio_id
    WHEN 'person' THEN contract.debtor_id IN (SELECT debtor_id FROM debtor
        WHERE debtor.person_id = scope.person_id OR (debtor.debtor_id = scope.person_id AND debtor.person_id IS NULL))
    ELSE contract.creditor_id = scope.creditor_id AND EXISTS (SELECT FROM address
        WHERE address.contract_id = contract.contract_id AND address.country = scope.country
            AND {_POSTAL_KEY} = scope.postal_code) END"""
UNAPPLIED = """
SELECT pause_id, coalesce(ended_by, actor) AS actor FROM scoped_pause WHERE applied_to IS NOT NULL ORDER BY pause_id
"""
LOCK_UNAPPLIED = """
SELECT scoped_pause.*, kind FROM scoped_pause JOIN pause_scope USING (scope_id)
WHERE pause_id = $1 AND applied_to IS NOT NULL FOR UPDATE OF scoped_pause
"""
# $1 the scope, $2 the contract after which they begin, $3 the most.
NEXT_CONTRACTS = {
    "portfolio": """
SELECT contract_id FROM contract JOIN pause_scope USING (portfolio_id)
WHERE scope_id = $1 AND contract_id > $2 AND contract.state IN ('open', 'settled') ORDER BY contract_id LIMIT $3
""",
    "person": """
SELECT contract_id FROM contract JOIN debtor USING (debtor_id)
WHERE debtor_id IN (SELECT debtor_id FROM pause_scope AS scope JOIN debtor
        ON debtor.person_id = scope.person_id OR (debtor.debtor_id = scope.person_id AND debtor.person_id IS NULL)
        WHERE scope_id = $1)
    AND contract_id > $2 AND contract.state IN ('open', 'settled') ORDER BY contract_id LIMIT $3
""",
    "postal_code": f"""
SELECT DISTINCT contract_id FROM pause_scope AS scope JOIN address ON {_POSTAL_KEY} = scope.postal_code
    AND address.country = scope.country JOIN contract USING (contract_id)
WHERE scope_id = $1 AND contract.creditor_id = scope.creditor_id
    AND contract_id > $2 AND contract.state IN ('open', 'settled') ORDER BY contract_id LIMIT $3
""",
}
APPLIED_TO = "UPDATE scoped_pause SET applied_to = $2 WHERE pause_id = $1"
# $1 the pause, $2 contracts, which are locked. A pause without days is not begun, but ends where it has begun.
APPLY = f"""
INSERT INTO pause AS known (pause_id, contract_id, reason, starts_on, ends_on, version, scoped_pause_id)
SELECT caused_event_id(scoped.pause_id, 'pause', '', contract_id::text, 0), contract_id, reason, starts_on, ends_on, 0,
    scoped.pause_id
FROM scoped_pause AS scoped CROSS JOIN unnest($2::uuid[]) AS given (contract_id)
WHERE scoped.pause_id = $1 AND (coalesce(ends_on, 'infinity') >= starts_on
    OR EXISTS (SELECT FROM pause WHERE scoped_pause_id = $1 AND pause.contract_id = given.contract_id))
ORDER BY contract_id
ON CONFLICT (pause_id) DO UPDATE SET ends_on = excluded.ends_on, ended_by = {CURRENT_ACTOR}
WHERE known.ends_on IS DISTINCT FROM excluded.ends_on
RETURNING new.pause_id, new.contract_id, new.reason, new.starts_on, new.ends_on, old.pause_id IS NULL AS begins
"""
SET_VERSIONS = """
UPDATE pause SET version = given.version FROM unnest($1::uuid[], $2::bigint[]) AS given (pause_id, version)
WHERE pause.pause_id = given.pause_id
"""
# $1 contracts that a file brings or restates, before their whole state is published. Pauses that are over are not
# taken up.
JOIN_SCOPES = f"""
WITH joined AS (
    INSERT INTO pause (pause_id, contract_id, reason, starts_on, ends_on, version, scoped_pause_id)
    SELECT caused_event_id(scoped.pause_id, 'pause', '', contract_id::text, 0), contract_id, reason, starts_on, ends_on,
        {NEXT_VERSION}, scoped.pause_id
    FROM contract JOIN portfolio USING (portfolio_id)
    JOIN pause_scope AS scope ON scope.creditor_id = contract.creditor_id
    JOIN scoped_pause AS scoped USING (scope_id)
    WHERE contract_id = ANY($1::uuid[]) AND contract.state IN ('open', 'settled')
        AND coalesce(ends_on, 'infinity') >= greatest(starts_on, coalesce(business_date, starts_on)) AND {_BELONGS}
    ORDER BY contract_id, scoped.pause_id ON CONFLICT DO NOTHING
    RETURNING contract_id, pause_id, scoped_pause_id, starts_on, ends_on, reason
)
{INTO_HISTORY}
SELECT contract_id, coalesce(portfolio.business_date, contract.as_of), 'paused',
    format('paused: %s to %s', starts_on, coalesce(ends_on::text, 'open end')),
    jsonb_build_object('pause_id', pause_id, 'scoped_pause_id', scoped_pause_id, 'starts_on', starts_on,
        'ends_on', ends_on, 'reason', reason)
FROM joined JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id) ORDER BY contract_id
"""
ANY_SCOPE = "SELECT EXISTS (SELECT FROM pause_scope WHERE creditor_id = $1)"
