"""A placement rule may wait for attempts of the creditor's own people."""

from alembic import op

revision = "0022"
down_revision = "0021"

# own_attempts are those of the episode own_attempts_in. A contract's own episode is unknown until its next event.
_COLUMNS = """
ALTER TABLE placement_rule ADD COLUMN internal_attempts_min integer;
ALTER TABLE contract ADD COLUMN episode integer,
    ADD COLUMN own_attempts integer NOT NULL DEFAULT 0, ADD COLUMN own_attempts_in integer NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    op.execute(_COLUMNS)
