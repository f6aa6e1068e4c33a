"""The hash of the recording or of the signed document by which a debtor has accepted."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.execute("ALTER TABLE proposal ADD COLUMN proof_sha256 text")
