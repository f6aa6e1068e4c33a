"""SQL that reads and writes the rules of authority."""

from chassis.second_person import DECIDER

_COLUMNS = """
    version, rules, state, replaces, actor ->> 'subject' AS asked_by, second_actor ->> 'subject' AS decided_by,
    created_at
"""
IN_FORCE = f"SELECT {_COLUMNS} FROM authority_rules WHERE state = 'approved' ORDER BY version DESC LIMIT 1"
VERSIONS = {
    order: f"""
SELECT {_COLUMNS} FROM authority_rules WHERE $1::bigint IS NULL OR version {beyond} $1
ORDER BY version {order} LIMIT $2
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('authority rules', 0))"
ASK = f"INSERT INTO authority_rules (rules, replaces) VALUES ($1::jsonb, $2) RETURNING {_COLUMNS}"
PROPOSED = "SELECT version, state, replaces, actor FROM authority_rules WHERE version = $1 FOR UPDATE"
DECIDE = f"""
UPDATE authority_rules SET state = $2, second_actor = {DECIDER}, second_decided_at = now()
WHERE version = $1 RETURNING {_COLUMNS}
"""
