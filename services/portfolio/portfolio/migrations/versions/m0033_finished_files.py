"""An index by which the files of a day are counted."""

from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.execute("CREATE INDEX file_finished ON file (portfolio_id, finished_at) WHERE finished_at IS NOT NULL")
