"""The files of receipts of notices, by the id under which the storage has them."""

from alembic import op

revision = "0059"
down_revision = "0058"

# erased_receipt: files that the storage still has to delete.
_TABLES = """
ALTER TABLE notice ADD COLUMN receipt_id uuid, ADD COLUMN receipt_type text, ADD COLUMN receipt_bytes integer;
CREATE TABLE erased_receipt (receipt_id uuid PRIMARY KEY);
"""


def upgrade() -> None:
    op.execute(_TABLES)
