"""What limits a promise: the portfolio's limits, disputes of the contract, its episode of arrears."""

import projections.clarifications
from alembic import op

revision = "0010"
down_revision = "0009"

_LIMITS = """
-- promise_limits is null where the portfolio's last event had none: the default limits hold.
ALTER TABLE portfolio ADD COLUMN name text, ADD COLUMN promise_limits jsonb;
ALTER TABLE contract ADD COLUMN episode integer;
-- episode: the contract's episode of arrears in which the promise was made; null where it was not known.
ALTER TABLE promise ADD COLUMN episode integer;
"""


def upgrade() -> None:
    op.execute(projections.clarifications.TABLE)
    op.execute(_LIMITS)
