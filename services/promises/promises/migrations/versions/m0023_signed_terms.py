"""The hash of the terms under which a debtor has signed a proposal."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute("ALTER TABLE proposal ADD COLUMN accepted_terms_sha256 text")
