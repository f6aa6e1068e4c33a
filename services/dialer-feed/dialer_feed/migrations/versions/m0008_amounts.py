"""Amounts of any width, and how often the builder has begun a list."""

from alembic import op

revision = "0008"
down_revision = "0007"

# A column without a precision holds every sum, in every currency. The change rewrites no row.
_TABLES = """
ALTER TABLE contract ALTER COLUMN overdue_balance TYPE numeric;
ALTER TABLE campaign ALTER COLUMN min_overdue TYPE numeric;
ALTER TABLE list_entry ALTER COLUMN overdue_balance TYPE numeric;
ALTER TABLE dialing_list ALTER COLUMN overdue_total TYPE numeric,
    ADD COLUMN attempts smallint NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    op.execute(_TABLES)
