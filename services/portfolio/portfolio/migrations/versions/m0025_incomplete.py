"""Which contracts a file has left incomplete is found without reading all contracts."""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.execute("CREATE INDEX contract_incomplete ON contract (incomplete_by) WHERE incomplete_by IS NOT NULL")
