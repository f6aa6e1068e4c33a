"""The permit by which the creditor's own people called."""

from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.execute("""
ALTER TABLE own_call ADD COLUMN permit_id uuid;
CREATE INDEX own_call_permit ON own_call (permit_id) WHERE permit_id IS NOT NULL;
""")
