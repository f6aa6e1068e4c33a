"""Deadlines of clarifications that are published once, and what proves a verification."""

from alembic import op

revision = "0017"
down_revision = "0016"

# near_on: from this day on the deadline is near. It is null where the release before opens a clarification; then only
# the day of the deadline is near.
_COLUMNS = """
ALTER TABLE clarification
    ADD COLUMN near_on date,
    ADD COLUMN near_told boolean NOT NULL DEFAULT false,
    ADD COLUMN passed_told boolean NOT NULL DEFAULT false,
    ADD COLUMN document text,
    ADD COLUMN proof_of_sending text;
UPDATE clarification SET near_on = deadline_on - 5 WHERE state = 'open';
CREATE INDEX clarification_untold ON clarification (contract_id) WHERE state = 'open' AND NOT passed_told;
CREATE INDEX clarification_by_deadline ON clarification (deadline_on, clarification_id) WHERE state = 'open';
"""


def upgrade() -> None:
    op.execute(_COLUMNS)
