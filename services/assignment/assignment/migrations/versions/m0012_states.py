"""Rules name the states of countries whose states were not known before, by their usual names too.

A rule written for TX was kept as written, and so was the state of a contract. New facts of a contract say Texas.
"""

from alembic import op
from jurisdictions import profile

revision = "0012"
down_revision = "0011"

_SPELLINGS = ", ".join(
    f"(lower(regexp_replace($${written}$$, '[^A-Za-z]', '', 'g')), $${name}$$)"
    for country in ("US", "GB")
    for name, state in profile(country).states.items()
    for written in (name, state.code, *state.also)
)
_NAME = f"""
UPDATE placement_rule rule SET states = usual.names
FROM (
    SELECT rule_id, array_agg(DISTINCT known.usual ORDER BY known.usual) AS names
    FROM placement_rule
    CROSS JOIN LATERAL unnest(states) AS written
    CROSS JOIN LATERAL (
        SELECT written AS usual
        UNION SELECT spelling.name FROM (VALUES {_SPELLINGS}) AS spelling (plain, name)
        WHERE spelling.plain = lower(regexp_replace(written, '[^A-Za-z]', '', 'g'))
    ) AS known
    GROUP BY rule_id) AS usual
WHERE usual.rule_id = rule.rule_id AND usual.names <> rule.states
"""


def upgrade() -> None:
    op.execute(_NAME)
