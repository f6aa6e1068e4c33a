"""SQL for the rows of receipts. The storage holds their bytes."""

from portfolio.ladder.queries import NOTICE as SHOWN

__all__ = ["SHOWN"]

NOTICE = """
SELECT notice.kind, receipt_id, receipt_sha256, receipt_type, erased_at
FROM notice JOIN contract USING (contract_id) WHERE notice_id = $1
"""
CONTRACT = "SELECT contract_id FROM notice WHERE notice_id = $1"
RECORD = """
UPDATE notice SET receipt_id = $2, receipt_sha256 = $3, receipt_type = $4, receipt_bytes = $5 WHERE notice_id = $1
"""
# $1 contracts. The files are deleted by a task of the process that serves requests. Their hashes stay.
ERASE = (
    """
    INSERT INTO erased_receipt (receipt_id)
    SELECT receipt_id FROM notice WHERE contract_id = ANY($1::uuid[]) AND receipt_id IS NOT NULL ON CONFLICT DO NOTHING
    """,
    """
    UPDATE notice SET receipt_id = NULL, receipt_type = NULL, receipt_bytes = NULL,
        document = CASE WHEN document IS NOT NULL THEN 'erased' END
    WHERE contract_id = ANY($1::uuid[])
    """,
)
ERASED = "SELECT receipt_id FROM erased_receipt LIMIT $1"
DELETED = "DELETE FROM erased_receipt WHERE receipt_id = $1"
