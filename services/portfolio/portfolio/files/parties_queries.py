"""The statements that apply the parties of a file. Each works on a whole chunk of contracts."""

from portfolio.debtors.party_queries import MARKS
from portfolio.ledger.whole_queries import NEXT_VERSION

# $1 file, $2 contracts, $3 the most parties of a contract. Those that files do not state count first.
_STATED_PARTIES = f"""
INSERT INTO party (party_id, contract_id, role, name, tax_id, of_file, version)
SELECT given.party_id, given.contract_id, given.role, given.name, given.tax_id, true, {NEXT_VERSION}
FROM file_party AS given JOIN contract USING (contract_id)
WHERE given.file_id = $1 AND given.contract_id = ANY($2::uuid[]) AND given.rank < $3::integer - (
    SELECT count(*) FROM party AS known
    WHERE known.contract_id = given.contract_id AND known.current AND NOT EXISTS (
        SELECT FROM file_party AS same WHERE same.file_id = $1 AND same.party_id = known.party_id))
"""
ADD_PARTIES = f"{_STATED_PARTIES} ON CONFLICT (party_id) DO NOTHING"
# What a person has said of a party holds: such a party is no longer the file's.
PUT_PARTIES = f"""
{_STATED_PARTIES}
ON CONFLICT (party_id) DO UPDATE SET name = excluded.name, tax_id = coalesce(excluded.tax_id, party.tax_id),
    current = true, version = excluded.version
WHERE party.of_file
"""
# $1 file, $2 contracts
_STATED_POINTS = f"""
INSERT INTO party_contact_point (contact_id, party_id, contract_id, kind, value, dialable, provenance, timezone, rank,
    of_file, invalid, opted_out, media)
SELECT given.contact_id, given.party_id, given.contract_id, given.kind, given.value, given.dialable, 'creditor',
    given.timezone, given.rank, true, said.invalid, said.opted_out, said.media
FROM file_party_contact AS given
JOIN party ON party.party_id = given.party_id AND party.of_file AND party.current
JOIN contract ON contract.contract_id = given.contract_id
{MARKS}
WHERE given.file_id = $1 AND given.contract_id = ANY($2::uuid[])
"""
ADD_POINTS = f"{_STATED_POINTS} ON CONFLICT (contact_id) DO NOTHING"
PUT_POINTS = f"""
{_STATED_POINTS}
ON CONFLICT (contact_id) DO UPDATE SET current = true, dialable = excluded.dialable, timezone = excluded.timezone,
    rank = excluded.rank, of_file = true, invalid = excluded.invalid, opted_out = excluded.opted_out,
    media = excluded.media
"""
# $1 file, $2 contracts, $3 the roles of which the file has columns, $4 whether empty cells clear
RETIRE_PARTIES = """
WITH retired AS (
    UPDATE party AS known SET current = false
    WHERE known.contract_id = ANY($2::uuid[]) AND known.of_file AND known.current AND known.role = ANY($3::text[])
        AND ($4 OR EXISTS (SELECT FROM file_party AS stated WHERE stated.file_id = $1
            AND stated.contract_id = known.contract_id AND stated.role = known.role))
        AND NOT EXISTS (SELECT FROM file_party AS stated
            WHERE stated.file_id = $1 AND stated.party_id = known.party_id)
    RETURNING party_id
)
UPDATE party_contact_point SET current = false WHERE party_id IN (SELECT party_id FROM retired)
"""
# $3 the roles with the kinds of which the file has a column: guarantor phone
RETIRE_POINTS = """
UPDATE party_contact_point AS known SET current = false
FROM party JOIN file_party AS stated USING (party_id)
WHERE stated.file_id = $1 AND party.contract_id = ANY($2::uuid[]) AND known.party_id = party.party_id
    AND party.of_file AND known.of_file AND known.current AND party.role || ' ' || known.kind = ANY($3::text[])
    AND ($4 OR EXISTS (SELECT FROM file_party_contact AS given
        WHERE given.file_id = $1 AND given.party_id = party.party_id AND given.kind = known.kind))
    AND NOT EXISTS (SELECT FROM file_party_contact AS given
        WHERE given.file_id = $1 AND given.contact_id = known.contact_id)
"""
