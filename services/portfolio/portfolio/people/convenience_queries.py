"""The statements of what people call inconvenient. Those that write need the rows of the people locked."""

from portfolio.ledger.conveniences import CONVENIENCES, VIEW

_MEMBERS = "debtor.person_id = $1 OR debtor.debtor_id = $1 AND debtor.person_id IS NULL"
# $1 a person
MEMBERS = f"SELECT debtor_id FROM debtor WHERE {_MEMBERS} ORDER BY debtor_id"
OF_PERSON = f"SELECT {VIEW} FROM debtor WHERE {_MEMBERS} LIMIT 1"
REMOVED = f"""
SELECT DISTINCT convenience_id, not_hours, not_days, not_media, not_places, reason, stated_by, stated_at, actor,
    removed_at, removed_because, removed_by
FROM debtor JOIN convenience_debtor USING (debtor_id) JOIN convenience USING (convenience_id)
WHERE ({_MEMBERS}) AND removed_at IS NOT NULL ORDER BY removed_at DESC, convenience_id LIMIT 50
"""
_OF_THESE = """
FROM convenience_debtor JOIN convenience USING (convenience_id)
WHERE debtor_id = ANY($1::uuid[]) AND removed_at IS NULL"""
# $1 debtors, $2 the most, $3 … $6 the parts, $7 reason, $8 who reported it. Returns nothing if too many hold.
ADD = f"""
WITH added AS (
    INSERT INTO convenience (not_hours, not_days, not_media, not_places, reason, stated_by)
    SELECT $3::text[], $4::text[], $5::text[], $6::text[], $7, $8
    WHERE (SELECT count(DISTINCT convenience_id) {_OF_THESE}) < $2
    RETURNING *
), kept AS (
    INSERT INTO convenience_debtor (debtor_id, convenience_id)
    SELECT debtor_id, convenience_id FROM added, unnest($1::uuid[]) AS debtor_id
)
SELECT * FROM added
"""
# $1 debtors, $2 … $5 the parts
IS_KNOWN = f"""
SELECT EXISTS (SELECT {_OF_THESE} AND (not_hours, not_days, not_media, not_places) = ($2, $3, $4, $5))
"""
# $1 debtors, $2 how many stay
MAKE_ROOM = f"""
UPDATE convenience SET removed_at = clock_timestamp(), removed_because = 'newer statements'
WHERE convenience_id IN (
    SELECT convenience_id FROM (SELECT DISTINCT convenience_id {_OF_THESE}) AS held
    ORDER BY convenience_id DESC OFFSET $2)
"""
# $1 a statement, $2 debtors of whom one must have made it
DEBTORS_OF = """
SELECT array_agg(debtor_id ORDER BY debtor_id) FROM convenience_debtor JOIN convenience USING (convenience_id)
WHERE convenience_id = $1 AND removed_at IS NULL AND EXISTS (
    SELECT FROM convenience_debtor AS own WHERE own.convenience_id = $1 AND own.debtor_id = ANY($2::uuid[]))
"""
REMOVE = """
UPDATE convenience SET removed_at = clock_timestamp(), removed_because = $2,
    removed_by = nullif(current_setting('app.actor', true), '')::jsonb
WHERE convenience_id = $1 AND removed_at IS NULL
RETURNING *
"""
# $1 debtors. Those of whose people, as these are now, or of whom themselves something was said.
TOUCHED = """
WITH member AS MATERIALIZED (
    SELECT debtor_id FROM debtor WHERE debtor_id = ANY($1::uuid[])
    UNION SELECT debtor_id FROM debtor
    WHERE person_id IN (SELECT person_id FROM debtor WHERE debtor_id = ANY($1::uuid[]))
)
SELECT debtor_id FROM member WHERE EXISTS (
    SELECT FROM member JOIN convenience_debtor USING (debtor_id) JOIN convenience USING (convenience_id)
    WHERE removed_at IS NULL)
"""
# $1 debtors. The contracts of their people, with what holds for each.
HELD = f"""
WITH member AS MATERIALIZED (
    SELECT debtor_id FROM debtor WHERE debtor_id = ANY($1::uuid[])
    UNION SELECT debtor_id FROM debtor
    WHERE person_id IN (SELECT person_id FROM debtor WHERE debtor_id = ANY($1::uuid[]))
)
SELECT contract_id, said.conveniences
FROM member JOIN debtor USING (debtor_id)
CROSS JOIN LATERAL (SELECT {CONVENIENCES}::jsonb AS conveniences) AS said
JOIN contract USING (debtor_id)
ORDER BY contract_id
"""
