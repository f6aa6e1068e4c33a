"""A ladder may have a challenger, and says since which business date it holds."""

from alembic import op

revision = "0055"
down_revision = "0054"

_COLUMNS = """
ALTER TABLE ladder ADD COLUMN challenger jsonb, ADD COLUMN began_on date;
UPDATE ladder SET began_on = (changed_at AT TIME ZONE timezone)::date
FROM portfolio WHERE portfolio.portfolio_id = ladder.portfolio_id;
"""


def upgrade() -> None:
    op.execute(_COLUMNS)
