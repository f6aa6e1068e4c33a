"""The agencies that receive events about a contract."""

from projections.placements import WITH_AGENCY

PLACED_WITH = f"""
SELECT DISTINCT contract_id, agency_id FROM placement
WHERE contract_id = ANY ($1::uuid[]) AND {WITH_AGENCY} ORDER BY contract_id, agency_id
"""
EVER_PLACED_WITH = """
SELECT DISTINCT contract_id, agency_id FROM placement
JOIN unnest($1::uuid[], $2::uuid[]) AS given (contract_id, agency_id) USING (contract_id, agency_id)
"""
