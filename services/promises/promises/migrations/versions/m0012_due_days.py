"""Promises are listed by the day on which they are due."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("CREATE INDEX promise_due ON promise (due_on)")
