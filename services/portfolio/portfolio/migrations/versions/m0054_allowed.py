"""What the step of a contract allows is published with the step, and holds."""

from alembic import op
from projections.steps import ALLOWS
from recobro_events.contracts.dialer_feed import CampaignKind

revision = "0054"
down_revision = "0053"

_KINDS = ", ".join(f"'{kind}'" for kind in CampaignKind)
# Until now an empty list was what a step had that said nothing, and names of campaigns meant nothing.
STEPS = f"""
UPDATE ladder SET steps = (
    SELECT jsonb_agg(CASE WHEN given.allows = '{{}}' THEN item - 'allows' ELSE item || jsonb_build_object('allows',
        given.allows) END ORDER BY place)
    FROM jsonb_array_elements(steps) WITH ORDINALITY AS listed (item, place)
    CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_object_agg(name, names), '{{}}') AS allows FROM (
            SELECT name, (SELECT jsonb_agg(one) FROM jsonb_array_elements_text(value) AS one
                WHERE name = 'contacts' OR one IN ({_KINDS})) AS names
            FROM jsonb_each(coalesce(item -> 'allows', '{{}}')) AS each (name, value)
        ) AS kept WHERE names IS NOT NULL
    ) AS given
)
"""
# Contracts whose step allows less than all are judged anew, and publish it.
MARKS = """
INSERT INTO judging_mark (portfolio_id, contract_id)
SELECT portfolio_id, contract_id FROM contract
WHERE step = 'judicial_notice' OR (step IS NOT NULL AND portfolio_id IN (SELECT portfolio_id FROM ladder))
"""


def upgrade() -> None:
    op.execute(ALLOWS)
    op.execute(STEPS)
    op.execute(MARKS)
