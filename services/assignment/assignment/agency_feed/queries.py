"""The agencies that receive events about a contract."""

from projections.placements import WITH_AGENCY

WHO_HAS = f"""
SELECT DISTINCT contract_id, agency_id FROM placement
WHERE contract_id = ANY ($1::uuid[]) AND {WITH_AGENCY} ORDER BY contract_id, agency_id
"""
WHO_HAS_OR_HAD = """
SELECT DISTINCT contract_id, agency_id FROM placement
JOIN unnest($1::uuid[], $2::uuid[]) AS asked (contract_id, agency_id) USING (contract_id, agency_id)
"""
