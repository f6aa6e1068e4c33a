"""SQL of the debtor's page. A link and its session are found by digests alone."""

from chassis.second_person import DECIDER

KEY = "SELECT key FROM page_key"
MAKE_KEY = "INSERT INTO page_key (key) VALUES ($1) ON CONFLICT DO NOTHING"
# $1 contracts, $2 versions, $3 languages, $4 digests of tax ids, $5 digests of postal codes with a space between.
KEEP_IDENTITIES = """
INSERT INTO page_identity AS known (contract_id, details_version, language, tax_id, postal_codes)
SELECT contract_id, details_version, language, tax_id, string_to_array(postal_codes, ' ')
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[])
    AS fact (contract_id, details_version, language, tax_id, postal_codes)
ORDER BY contract_id
ON CONFLICT (contract_id) DO UPDATE SET details_version = excluded.details_version, language = excluded.language,
    tax_id = excluded.tax_id, postal_codes = excluded.postal_codes
WHERE known.details_version <= excluded.details_version
"""
# Why the page of a contract is dead; null while it is alive. Nobody can prove to be an erased or unknown debtor.
_DEAD = """
CASE WHEN contract.state <> 'open' THEN 'contract_closed'
    WHEN contract.status IN ('deceased', 'represented') THEN contract.status
    WHEN identity.tax_id IS NULL AND coalesce(identity.postal_codes, '{}') = '{}' THEN 'identity_unknown' END
"""
_OF = "contract LEFT JOIN page_identity AS identity USING (contract_id)"
DEATH = f"SELECT {_DEAD} AS death FROM {_OF} WHERE contract_id = $1"
# $1 contracts, $2 the time now. A link that has ended stays so, even if its contract is open again later.
END_DEAD = f"""
UPDATE page_link AS link SET ended_at = $2, ended_because = {_DEAD}
FROM {_OF}
WHERE link.contract_id = contract.contract_id AND link.ended_at IS NULL AND contract.contract_id = ANY ($1::uuid[])
    AND {_DEAD} IS NOT NULL
"""
LANGUAGE = """
SELECT coalesce($2, page_identity.language) FROM page_identity WHERE contract_id = $1
"""
MAKE = """
INSERT INTO page_link (contract_id, token_digest, language, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
RETURNING *
"""
REPLACE = f"""
UPDATE page_link SET ended_at = $2, ended_because = 'replaced', ended_actor = {DECIDER}
WHERE contract_id = $1 AND ended_at IS NULL
"""
END = f"""
UPDATE page_link SET ended_at = $2, ended_because = $3, ended_actor = {DECIDER}
WHERE link_id = $1 AND ended_at IS NULL RETURNING *
"""
LINK = "SELECT * FROM page_link WHERE link_id = $1"
# $1 contract, $2 the last link of the page before, $3 how many.
LINKS = {
    order: f"""
SELECT * FROM page_link WHERE contract_id = $1 AND ($2::uuid IS NULL OR link_id {beyond} $2)
ORDER BY link_id {order} LIMIT $3
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
ACTS = "SELECT kind, result, created_at AS at FROM page_act WHERE link_id = $1 ORDER BY act_id"
_FOUND = f"""
SELECT link.link_id, link.contract_id, link.token_digest, link.expires_at, link.tried, link.signed_in_at,
    link.session_digest, link.session_until, link.language, identity.language AS language_of_debtor, identity.tax_id,
    identity.postal_codes, portfolio.jurisdiction
FROM page_link AS link JOIN {_OF} ON contract.contract_id = link.contract_id LEFT JOIN portfolio USING (portfolio_id)
WHERE link.ended_at IS NULL AND {_DEAD} IS NULL
"""
BY_TOKEN = f"{_FOUND} AND link.token_digest = $1"
BY_SESSION = f"{_FOUND} AND link.session_digest = $1"
LOCK = "SELECT FROM page_link WHERE link_id = $1 FOR UPDATE"
TRY = "UPDATE page_link SET tried = array_append(tried, $2) WHERE link_id = $1"
SIGN_IN = "UPDATE page_link SET signed_in_at = $2, session_digest = $3, session_until = $4 WHERE link_id = $1"
ACT = "SELECT kind, result FROM page_act WHERE link_id = $1 AND form = $2"
COUNT_ACTS = "SELECT count(*) FROM page_act WHERE link_id = $1"
HAS_DONE = "SELECT EXISTS (SELECT FROM page_act WHERE link_id = $1 AND kind = $2)"
KEEP_ACT = "INSERT INTO page_act (link_id, form, kind, result, created_at) VALUES ($1, $2, $3, $4::jsonb, $5)"
# What the page shows beside ``taking.queries.CONTRACT``.
SHOWN = """
SELECT contract_number, contract.product, components, contract.as_of, portfolio.company, portfolio.letterhead
FROM contract LEFT JOIN portfolio USING (portfolio_id) WHERE contract_id = $1
"""
OPEN_PROMISES = """
SELECT promise_id, due_on, amount, paid FROM promise
WHERE contract_id = $1 AND state = 'open' AND agreement_id IS NULL ORDER BY due_on
"""
