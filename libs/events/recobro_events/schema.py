"""The runtime's own tables, in every service's database. A service's first migration executes ``CREATE``."""

# Rows come and go by the thousand and few are there at any time: emptied places are to be found again soon.
_COMES_AND_GOES = """autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0"""
# A handful of rows that are updated all the time: room for their next versions beside them.
_UPDATED_ALL_THE_TIME = """fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0"""
_GROWS_AND_IS_PRUNED = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05"


def _outbox(lane: str, more: str = "") -> str:
    return f"""
CREATE TABLE outbox_{lane} (
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    event_id uuid NOT NULL DEFAULT uuidv7(),
    type text NOT NULL,
    key text NOT NULL,
    partition smallint,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    traceparent text,
    audience text,
    body text NOT NULL{more}
) WITH ({_COMES_AND_GOES});
"""


_SETTING_ASIDE = """
CREATE TABLE parked_keys (
    key text PRIMARY KEY,
    contract_id uuid,
    consumer text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE dead_letters (
    letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    consumer text NOT NULL,
    event_id uuid,
    type text,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    headers text,
    body bytea,
    error text,
    set_aside_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    replays integer NOT NULL DEFAULT 0,
    discarded_at timestamptz,
    discarded_by text,
    discard_reason text
);
CREATE INDEX dead_letters_waiting ON dead_letters (key, letter_id) WHERE discarded_at IS NULL;
CREATE INDEX dead_letters_set_aside_at ON dead_letters (set_aside_at);
"""
_SAYING_AGAIN = """
-- One is open at a time. What the sources say again has come when each has marked it on all of its partitions.
CREATE TABLE rebuild (
    rebuild_id uuid PRIMARY KEY,
    sources text[] NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);
CREATE UNIQUE INDEX rebuild_one_open ON rebuild ((true)) WHERE ended_at IS NULL;
-- What this service is asked to say again: to one service, or to everyone after it was restored from a backup.
CREATE TABLE republication (
    republication_id uuid PRIMARY KEY,
    audience text NOT NULL,
    progress text NOT NULL DEFAULT '',
    barrier_id uuid,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);
CREATE TABLE epoch (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    epoch integer NOT NULL DEFAULT 0,
    restored_at timestamptz,
    pending boolean NOT NULL DEFAULT false
);
INSERT INTO epoch DEFAULT VALUES;
CREATE FUNCTION first_version() RETURNS bigint LANGUAGE sql STABLE AS
    'SELECT coalesce((SELECT epoch::bigint << 40 FROM epoch), 0)';
"""

CAUSED_EVENT_ID = """
CREATE OR REPLACE FUNCTION caused_event_id(cause uuid, consumer text, event_type text, key text, n integer)
RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT encode(
        -- The version and the variant of RFC 9562. With every argument used once, and no claim to be IMMUTABLE, which
        -- its parts are not, the planner puts this in place of a call, which would cost as much again.
        set_bit(set_bit(set_bit(set_bit(set_bit(set_bit(
            substring(sha256(convert_to(concat_ws('|', cause, consumer, event_type, key, n), 'UTF8')) FOR 16),
            55, 1), 54, 0), 53, 0), 52, 0), 71, 1), 70, 0),
        'hex')::uuid
$$;
"""
"""What ``ids.caused_event_id`` computes; also brings a database from before it could be inlined to what it is now."""

LOG_KNOWN = "ALTER TABLE epoch ADD COLUMN IF NOT EXISTS log_known boolean NOT NULL DEFAULT false;"
"""Whether the database has been at work with its log; also brings older databases to what they are now."""

CREATE = (
    _outbox("events")
    + _outbox("bulk")
    + f"""
CREATE TABLE relay_heartbeat (
    lane text PRIMARY KEY,
    backend_pid integer NOT NULL,
    beat_at timestamptz NOT NULL
) WITH ({_UPDATED_ALL_THE_TIME});
CREATE TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
) WITH ({_GROWS_AND_IS_PRUNED});
CREATE INDEX inbox_applied_at ON inbox (applied_at);
CREATE TABLE consumer_position (
    consumer text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    last_record_id text,
    owner uuid NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, topic, partition)
) WITH ({_UPDATED_ALL_THE_TIME});
CREATE TABLE barrier (
    barrier_id uuid PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('waiting', 'open', 'reached', 'failed')),
    sources text[] NOT NULL,
    rounds integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    opened_at timestamptz,
    ended_at timestamptz
);
CREATE UNIQUE INDEX barrier_one_open ON barrier (state) WHERE state = 'open';
CREATE UNIQUE INDEX barrier_one_waiting ON barrier (state) WHERE state = 'waiting';
CREATE TABLE barrier_marker (
    barrier_id uuid NOT NULL,
    service text NOT NULL,
    round integer NOT NULL,
    lane text NOT NULL,
    seen integer NOT NULL,
    markers integer NOT NULL,
    asked_by text,
    rounds integer,
    PRIMARY KEY (barrier_id, service, round, lane)
);
CREATE TABLE barrier_answer (barrier_id uuid PRIMARY KEY, published integer NOT NULL);
"""
    + CAUSED_EVENT_ID
    + _SETTING_ASIDE
    + _SAYING_AGAIN
    + LOG_KNOWN
)
"""Outbox tables (one a lane), inbox, positions with owner tokens, the relay's heartbeat, the barrier's counters."""

BARRIER_ROUNDS = r"""
ALTER TABLE barrier ADD COLUMN IF NOT EXISTS rounds integer NOT NULL DEFAULT 1;
ALTER TABLE barrier_marker ADD COLUMN IF NOT EXISTS lane text NOT NULL DEFAULT 'events';
ALTER TABLE barrier_marker DROP CONSTRAINT barrier_marker_pkey;
ALTER TABLE barrier_marker ADD PRIMARY KEY (barrier_id, service, round, lane);
CREATE TABLE IF NOT EXISTS barrier_answer (barrier_id uuid PRIMARY KEY, published integer NOT NULL);
"""
"""Brings the tables of a database that was created before the barrier had rounds to what ``CREATE`` makes now."""

AGENCIES = _outbox("agencies", ",\n    topic text NOT NULL")
"""The outbox of the lane ``agencies``, for the service that publishes what agencies hear."""

BACKBONE = f"""
DO $once$ BEGIN IF to_regclass('parked_keys') IS NULL THEN EXECUTE $all$
{_SETTING_ASIDE}
{_SAYING_AGAIN}
ALTER TABLE outbox_events ADD COLUMN audience text;
ALTER TABLE outbox_events SET ({_COMES_AND_GOES});
ALTER TABLE outbox_bulk ADD COLUMN audience text;
ALTER TABLE outbox_bulk SET ({_COMES_AND_GOES});
ALTER TABLE relay_heartbeat SET ({_UPDATED_ALL_THE_TIME});
ALTER TABLE consumer_position SET ({_UPDATED_ALL_THE_TIME});
ALTER TABLE inbox SET ({_GROWS_AND_IS_PRUNED});
DROP INDEX inbox_applied_at;
CREATE INDEX inbox_applied_at ON inbox (applied_at);
ALTER TABLE barrier_marker ADD COLUMN asked_by text, ADD COLUMN rounds integer;
$all$; END IF; END $once$;
"""
"""Brings a database from before events were set aside and said again to what ``CREATE`` makes now; no other."""

AGENCIES_BACKBONE = f"""
ALTER TABLE outbox_agencies ADD COLUMN IF NOT EXISTS audience text;
ALTER TABLE outbox_agencies SET ({_COMES_AND_GOES});
"""
