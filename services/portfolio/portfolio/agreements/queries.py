"""The statements of ``following``. Those that write need the contracts' rows locked."""

_TO_FOLLOW = """followed IS DISTINCT FROM agreement.version AND coalesce(try_again_at <= clock_timestamp(), true)
    AND contract.state IN ('open', 'settled')"""
# After the contract $1.
TO_FOLLOW = f"""
SELECT DISTINCT contract_id FROM agreement JOIN contract USING (contract_id)
WHERE {_TO_FOLLOW} AND ($1::uuid IS NULL OR contract_id > $1)
ORDER BY contract_id LIMIT $2
"""
OF_CONTRACT = """
SELECT agreement_id, version, state, forgiven, settled_on, waiver_id, followed IS DISTINCT FROM version AS changed,
    kind = 'restructure' AND schedule IS NOT NULL AND state IN ('open', 'fulfilled') AS reschedules
FROM agreement WHERE contract_id = $1 ORDER BY agreement_id
"""
# $2 overdue balance, $3 episode.
KEEP_EPISODE = """
UPDATE agreement SET episode_before = $3 WHERE agreement_id = $1 AND $2::numeric > 0 AND episode_before IS NULL
"""
EPISODE_BEFORE = "SELECT episode_before FROM agreement WHERE agreement_id = $1"
RESCHEDULE = "UPDATE contract SET rescheduled_by = $2 WHERE contract_id = $1"
FOLLOWED = """
UPDATE agreement SET followed = agreement.version, try_again_at = NULL, waiver_id = given.waiver_id
FROM unnest($1::uuid[], $2::uuid[]) AS given (agreement_id, waiver_id)
WHERE agreement.agreement_id = given.agreement_id
"""
# A fulfilled agreement asks for the letter of no debt. One that is open again later takes the letter back.
ASK_FOR_LETTERS = """
INSERT INTO letter (agreement_id, contract_id)
SELECT agreement_id, contract_id FROM agreement
WHERE contract_id = $1 AND settles_in_full AND state IN ('fulfilled', 'settled')
ON CONFLICT (agreement_id) DO UPDATE SET state = 'due', asked_at = clock_timestamp(), printed_at = NULL,
    medium = NULL, delivered_on = NULL, delivered_by = NULL
WHERE letter.state = 'withdrawn'
"""
WITHDRAW_LETTERS = """
UPDATE letter SET state = 'withdrawn' FROM agreement
WHERE agreement.agreement_id = letter.agreement_id AND letter.contract_id = $1 AND letter.state <> 'withdrawn'
    AND agreement.state NOT IN ('fulfilled', 'settled')
"""
TRY_AGAIN = """
UPDATE agreement SET try_again_at = clock_timestamp() + make_interval(secs => $2)
WHERE contract_id = $1 AND followed IS DISTINCT FROM agreement.version
"""
IS_CHARGED = "SELECT EXISTS (SELECT FROM charge WHERE charge_id = $1)"
OLDEST = """
SELECT min(known_since) FROM agreement JOIN contract USING (contract_id)
WHERE followed IS DISTINCT FROM agreement.version AND contract.state IN ('open', 'settled')
"""
