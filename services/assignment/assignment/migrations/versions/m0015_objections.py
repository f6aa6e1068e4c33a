"""When an agency objected to a recall, and whether the objection was accepted."""

from alembic import op

revision = "0015"
down_revision = "0014"

# The release before writes neither column: for its objections the time of the change stands in. Decisions that were
# made before are known by their outcome.
_OBJECTIONS = """
ALTER TABLE placement ADD COLUMN objected_at timestamptz, ADD COLUMN objection_accepted boolean;
UPDATE placement SET objected_at = changed_at, objection_accepted = CASE
    WHEN state = 'active' THEN true WHEN state = 'recalled' AND decision IS NOT NULL THEN false END
WHERE objection IS NOT NULL;
CREATE INDEX placement_objected ON placement (coalesce(objected_at, changed_at), placement_id)
    WHERE objection IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(_OBJECTIONS)
