"""Calls are counted by day, dialer and agent as they are recorded, so that months are added up and not scanned."""

from alembic import op
from chassis.schema import AGENCY, agency_policy

revision = "0023"
down_revision = "0022"

_COUNTS = {
    "calls": "1",
    "connected": "(disposition NOT IN ('no_answer', 'busy', 'voicemail', 'failed'))::integer",
    "right_party": "right_party::integer",
    "promises": "(disposition = 'promise')::integer",
    "wrongful": "wrongful::integer",
    "breached": "(breaches <> '{}')::integer",
    "seconds": "duration_seconds",
}
_SUMS = ", ".join(f"sum(sign * {value}) AS {name}" for name, value in _COUNTS.items())
_ADDED = ", ".join(f"{name} = call_day.{name} + excluded.{name}" for name in _COUNTS)


def _count(calls: str) -> str:
    # Rows are locked in one order.
    return f"""
INSERT INTO call_day (business_date, dialed_for, agent, {", ".join(_COUNTS)})
SELECT business_date, dialed_for, agent, {_SUMS} FROM ({calls}) AS call
GROUP BY business_date, dialed_for, agent ORDER BY business_date, dialed_for, agent
ON CONFLICT (business_date, dialed_for, agent) DO UPDATE SET {_ADDED};"""


_TABLE = f"""
CREATE TABLE call_day (
    business_date date NOT NULL,
    dialed_for uuid NOT NULL,
    agent text NOT NULL,
    {", ".join(f"{name} bigint NOT NULL" for name in _COUNTS)},
    PRIMARY KEY (business_date, dialed_for, agent)
) WITH (fillfactor = 70);
{_count("SELECT 1 AS sign, * FROM call_result")}

CREATE FUNCTION count_new_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {_count("SELECT 1 AS sign, * FROM added")}
    RETURN NULL;
END $$;
CREATE TRIGGER count_new_calls AFTER INSERT ON call_result REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_new_calls();

CREATE FUNCTION count_changed_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {_count("SELECT 1 AS sign, * FROM added UNION ALL SELECT -1, * FROM gone")}
    RETURN NULL;
END $$;
CREATE TRIGGER count_changed_calls AFTER UPDATE ON call_result REFERENCING NEW TABLE AS added OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION count_changed_calls();
"""


def upgrade() -> None:
    op.execute(_TABLE)
    op.execute(agency_policy("call_day", f"dialed_for = {AGENCY}"))
