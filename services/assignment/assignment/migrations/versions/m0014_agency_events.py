"""The events of each agency's topic are kept, with positions, for agencies that read them over HTTP."""

from alembic import op
from chassis.schema import AGENCY, agency_policy

revision = "0014"
down_revision = "0013"

_TABLES = r"""
-- Positions of an agency count without gaps within an epoch. agency_stream keeps the last one after its event is gone.
CREATE TABLE agency_event (
    agency_id uuid NOT NULL,
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    occurred_at timestamptz NOT NULL,
    body text NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agency_id, position)
);
CREATE INDEX agency_event_kept_at ON agency_event (kept_at);
CREATE TABLE agency_stream (
    agency_id uuid PRIMARY KEY,
    last_position bigint NOT NULL
);
-- The relay deletes events that the log has acknowledged, one batch after the other, in the order of the topic. So
-- positions have that order too, and no event with a smaller one appears later. A restore begins a new epoch, whose
-- positions are higher than all before.
CREATE FUNCTION keep_agency_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH counted AS (
        SELECT split_part(topic, '.', 2)::uuid AS agency_id, event_id, type, occurred_at, body,
            row_number() OVER (PARTITION BY topic ORDER BY id) AS n, count(*) OVER (PARTITION BY topic) AS events
        FROM relayed
    ), stream AS (
        INSERT INTO agency_stream AS known (agency_id, last_position)
        SELECT DISTINCT agency_id, first_version() + events FROM counted ORDER BY agency_id
        ON CONFLICT (agency_id) DO UPDATE SET last_position =
            greatest(known.last_position, first_version()) + excluded.last_position - first_version()
        RETURNING agency_id, last_position
    )
    INSERT INTO agency_event (agency_id, position, event_id, type, occurred_at, body)
    SELECT agency_id, last_position - events + n, event_id, type, occurred_at, body
    FROM counted JOIN stream USING (agency_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_agency_events AFTER DELETE ON outbox_agencies
    REFERENCING OLD TABLE AS relayed FOR EACH STATEMENT EXECUTE FUNCTION keep_agency_events();
"""
_COLUMNS = {
    "agency_event": "agency_id, position, event_id, type, occurred_at, body",
    "agency_stream": "agency_id, last_position",
}


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute("".join(agency_policy(table, f"agency_id = {AGENCY}", names) for table, names in _COLUMNS.items()))
