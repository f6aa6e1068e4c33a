"""Files count the contracts that they give to another customer."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("ALTER TABLE file ADD COLUMN person_changed integer NOT NULL DEFAULT 0")
