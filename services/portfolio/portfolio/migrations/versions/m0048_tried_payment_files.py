"""Banks' files that are tried without being booked, and the sums of what became of a file's rows."""

from alembic import op

revision = "0048"
down_revision = "0047"

_COLUMNS = """
ALTER TABLE payment_file
    ADD COLUMN dry_run boolean NOT NULL DEFAULT false,
    ADD COLUMN amount_payments numeric(28, 2) NOT NULL DEFAULT 0,
    ADD COLUMN amount_known numeric(28, 2) NOT NULL DEFAULT 0,
    ADD COLUMN amount_reversals numeric(28, 2) NOT NULL DEFAULT 0,
    ADD COLUMN amount_unidentified numeric(28, 2) NOT NULL DEFAULT 0;
"""
_SUMS = """
UPDATE payment_file SET amount_payments = payments_sum, amount_known = known_sum, amount_reversals = reversals_sum,
    amount_unidentified = unidentified_sum
FROM (
    SELECT file_id, coalesce(sum(amount) FILTER (WHERE outcome = 'booked'), 0) AS payments_sum,
        coalesce(sum(amount) FILTER (WHERE outcome = 'known'), 0) AS known_sum,
        coalesce(sum(amount) FILTER (WHERE outcome = 'reversed'), 0) AS reversals_sum,
        coalesce(sum(amount) FILTER (WHERE outcome = 'unidentified'), 0) AS unidentified_sum
    FROM payment_file_row GROUP BY file_id
) AS summed WHERE summed.file_id = payment_file.file_id;
"""


def upgrade() -> None:
    op.execute(_COLUMNS)
    op.execute(_SUMS)
