"""SQL of suppression lists: their versions, their numbers, and the live entries that an upload changes."""

from dialer_feed.lists.eligibility import LIVE
from dialer_feed.lists.phones import HASH

ADD_LIST = "INSERT INTO suppression_list (name) VALUES ($1) ON CONFLICT DO NOTHING"
LOCK_LIST = "SELECT name FROM suppression_list WHERE name = $1 FOR UPDATE"
NEWEST = "SELECT version, digest, numbers FROM suppression_version WHERE name = $1 ORDER BY version DESC LIMIT 1"
# $1 name, $2 hashes of the whole list, $3 the moment.
ADD = """
WITH added AS (
    INSERT INTO suppressed_number (number_hash, name, since)
    SELECT given.number_hash, $1, $3 FROM unnest($2::bytea[]) AS given (number_hash)
    WHERE NOT EXISTS (
        SELECT FROM suppressed_number known
        WHERE known.name = $1 AND known.number_hash = given.number_hash AND known.until IS NULL)
    RETURNING 1
)
SELECT count(*)::integer FROM added
"""
REMOVE = """
WITH removed AS (
    UPDATE suppressed_number known SET until = $3
    WHERE known.name = $1 AND known.until IS NULL AND known.since < $3
        AND NOT EXISTS (SELECT FROM unnest($2::bytea[]) AS given (number_hash)
            WHERE given.number_hash = known.number_hash)
    RETURNING 1
)
SELECT count(*)::integer FROM removed
"""
KEEP_VERSION = """
INSERT INTO suppression_version (name, version, numbers, added, removed, digest, loaded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
# The numbers of live entries that are on the list since $2.
ON_LIVE_LISTS = f"""
SELECT DISTINCT phone.contract_id, phone.contact_id
FROM dialing_list list
JOIN list_entry entry USING (list_id)
JOIN contact_point phone ON phone.contract_id = entry.contract_id AND phone.contact_id = ANY (entry.contact_ids)
JOIN suppressed_number known ON known.number_hash = {HASH} AND known.name = $1 AND known.since = $2
WHERE {LIVE} AND entry.status = 'listed'
ORDER BY phone.contract_id, phone.contact_id
"""
_VERSION = """
SELECT name, version, numbers, added, removed, encode(digest, 'hex') AS sha256, loaded_at, actor ->> 'subject' AS by
FROM suppression_version
"""
LISTS = f"""
SELECT DISTINCT ON (name) * FROM ({_VERSION}) AS version ORDER BY name, version DESC
"""
VERSIONS = f"{_VERSION} WHERE name = $1 AND ($2::integer IS NULL OR version < $2) ORDER BY version DESC LIMIT $3"
ONE = f"{_VERSION} WHERE name = $1 AND version = $2"
COUNT = "SELECT count(*)::integer FROM suppression_list WHERE name <> $1"
