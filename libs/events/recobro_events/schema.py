"""The runtime's own tables, in the database of every service. A migration executes ``UPGRADE``.

The tables are in the schema that is first on the search path. They belong to the role that executes ``UPGRADE``, which
needs no right but CREATE in that schema. The role of the service needs SELECT, INSERT, UPDATE and DELETE on the tables
and USAGE on their sequences; the owner has these rights already.
"""

from recobro_events._limits import MAX_EVENT_BYTES

__all__ = ["UPGRADE", "UPGRADE_AGENCIES"]

# Rows come and go by the thousand, and few exist at any time: the space of deleted rows must soon be reusable.
_COMES_AND_GOES = """autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0"""
# A handful of rows that are updated all the time: pages keep room for the rows' next versions.
_UPDATED_ALL_THE_TIME = """fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0"""
_GROWS_AND_IS_PRUNED = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05"


def _when(condition: str, *statements: str) -> str:
    """SQL that executes these statements if ``condition`` holds, and takes no lock otherwise."""
    return f"DO $when$ BEGIN IF {condition} THEN {' '.join(statements)} END IF; END $when$;\n"


def _without_index(index: str) -> str:
    return f"""NOT EXISTS (
        SELECT FROM pg_class JOIN pg_am ON pg_am.oid = relam
        WHERE pg_class.oid = to_regclass('{index}') AND amname = 'btree')"""


def _without_column(table: str, column: str) -> str:
    return f"""NOT EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attname = '{column}' AND NOT attisdropped)"""


# The condition of a trigger costs a row nothing; the function is called for an event that is too large, and raises an
# error that shows nothing of its content. A CHECK constraint would print the row.
_REFUSE_LARGE_EVENT = f"""
CREATE OR REPLACE FUNCTION refuse_large_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of the key % has % bytes, and an event may have {MAX_EVENT_BYTES}', NEW.type, left(NEW.key, 100),
        octet_length(NEW.body) + 2 * octet_length(NEW.key)
        USING ERRCODE = 'program_limit_exceeded', CONSTRAINT = 'event_size';
END;
$$;
"""


def _refusing_large_events(table: str) -> str:
    name = f"event_size_{MAX_EVENT_BYTES}"
    return _when(
        f"NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = '{table}'::regclass AND tgname = '{name}')",
        f"""CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW
        WHEN (octet_length(NEW.body) + 2 * octet_length(NEW.key) > {MAX_EVENT_BYTES})
        EXECUTE FUNCTION refuse_large_event();""",
    )


def _outbox(lane: str, more: str = "") -> str:
    create = f"""
CREATE TABLE IF NOT EXISTS outbox_{lane} (
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
    earlier = _when(
        _without_column(f"outbox_{lane}", "audience"),
        f"ALTER TABLE outbox_{lane} ADD COLUMN audience text;",
        f"ALTER TABLE outbox_{lane} SET ({_COMES_AND_GOES});",
    )
    return create + earlier + _refusing_large_events(f"outbox_{lane}")


_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('runtime schema', 0));\n"

_PROGRESS = f"""
CREATE TABLE IF NOT EXISTS relay_heartbeat (
    lane text PRIMARY KEY,
    backend_pid integer NOT NULL,
    beat_at timestamptz NOT NULL
) WITH ({_UPDATED_ALL_THE_TIME});
CREATE TABLE IF NOT EXISTS inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
) WITH ({_GROWS_AND_IS_PRUNED});
CREATE TABLE IF NOT EXISTS consumer_position (
    consumer text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    last_record_id text,
    owner uuid NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, topic, partition)
) WITH ({_UPDATED_ALL_THE_TIME});
""" + _when(
    # The first version of the library had another kind of index, and no settings for these three tables.
    _without_index("inbox_applied_at"),
    "DROP INDEX IF EXISTS inbox_applied_at;",
    "CREATE INDEX inbox_applied_at ON inbox (applied_at);",
    f"ALTER TABLE relay_heartbeat SET ({_UPDATED_ALL_THE_TIME});",
    f"ALTER TABLE inbox SET ({_GROWS_AND_IS_PRUNED});",
    f"ALTER TABLE consumer_position SET ({_UPDATED_ALL_THE_TIME});",
)
_BARRIER = (
    """
CREATE TABLE IF NOT EXISTS barrier (
    barrier_id uuid PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('waiting', 'open', 'reached', 'failed')),
    sources text[] NOT NULL,
    rounds integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    opened_at timestamptz,
    ended_at timestamptz
);
CREATE TABLE IF NOT EXISTS barrier_marker (
    barrier_id uuid NOT NULL,
    service text NOT NULL,
    round integer NOT NULL,
    lane text NOT NULL DEFAULT 'events',
    seen integer NOT NULL,
    markers integer NOT NULL,
    asked_by text,
    rounds integer,
    PRIMARY KEY (barrier_id, service, round, lane)
);
CREATE TABLE IF NOT EXISTS barrier_answer (barrier_id uuid PRIMARY KEY, published integer NOT NULL);
"""
    + _when(
        _without_index("barrier_one_open"),
        "CREATE UNIQUE INDEX barrier_one_open ON barrier (state) WHERE state = 'open';",
        "CREATE UNIQUE INDEX barrier_one_waiting ON barrier (state) WHERE state = 'waiting';",
    )
    + _when(
        _without_column("barrier", "rounds"),
        "ALTER TABLE barrier ADD COLUMN rounds integer NOT NULL DEFAULT 1;",
    )
    + _when(
        _without_column("barrier_marker", "lane"),
        "ALTER TABLE barrier_marker ADD COLUMN lane text NOT NULL DEFAULT 'events';",
        "ALTER TABLE barrier_marker DROP CONSTRAINT barrier_marker_pkey;",
        "ALTER TABLE barrier_marker ADD PRIMARY KEY (barrier_id, service, round, lane);",
    )
    + _when(
        _without_column("barrier_marker", "asked_by"),
        "ALTER TABLE barrier_marker ADD COLUMN asked_by text, ADD COLUMN rounds integer;",
    )
)
_CAUSED_EVENT_ID = """
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
_SETTING_ASIDE = """
CREATE TABLE IF NOT EXISTS parked_keys (
    key text PRIMARY KEY,
    contract_id uuid,
    consumer text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS dead_letters (
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
""" + _when(
    _without_index("dead_letters_waiting"),
    "CREATE INDEX dead_letters_waiting ON dead_letters (key, letter_id) WHERE discarded_at IS NULL;",
    "CREATE INDEX dead_letters_set_aside_at ON dead_letters (set_aside_at);",
)
_UNSENT = """
-- Events that the log refused, and later events of their keys, which wait behind them.
CREATE TABLE IF NOT EXISTS unsent_events (
    unsent_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane text NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    key text NOT NULL,
    topic text NOT NULL,
    partition smallint,
    occurred_at timestamptz NOT NULL,
    traceparent text,
    audience text,
    body text,
    bytes integer NOT NULL,
    error text,
    set_aside_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retries integer NOT NULL DEFAULT 0,
    retry_at timestamptz,
    discarded_at timestamptz,
    discarded_by text,
    discard_reason text
);
""" + _when(
    _without_index("unsent_events_waiting"),
    "CREATE INDEX unsent_events_waiting ON unsent_events (lane, key, unsent_id) WHERE discarded_at IS NULL;",
    "CREATE INDEX unsent_events_set_aside_at ON unsent_events (set_aside_at);",
)
_REPUBLISHING = (
    """
-- At most one rebuild is open. It ends when the markers of all sources have come, one on each of their partitions.
CREATE TABLE IF NOT EXISTS rebuild (
    rebuild_id uuid PRIMARY KEY,
    sources text[] NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);
-- Requests to republish the state of this service: to one service, or to all after a restore from a backup.
CREATE TABLE IF NOT EXISTS republication (
    republication_id uuid PRIMARY KEY,
    audience text NOT NULL,
    progress text NOT NULL DEFAULT '',
    barrier_id uuid,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);
CREATE TABLE IF NOT EXISTS epoch (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    epoch integer NOT NULL DEFAULT 0,
    restored_at timestamptz,
    pending boolean NOT NULL DEFAULT false,
    -- Whether the database has already been used with its log.
    log_known boolean NOT NULL DEFAULT false
);
INSERT INTO epoch DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE OR REPLACE FUNCTION first_version() RETURNS bigint LANGUAGE sql STABLE AS
    'SELECT coalesce((SELECT epoch::bigint << 40 FROM epoch), 0)';
"""
    + _when(
        _without_index("rebuild_one_open"),
        "CREATE UNIQUE INDEX rebuild_one_open ON rebuild ((true)) WHERE ended_at IS NULL;",
    )
    + _when(
        _without_column("epoch", "log_known"),
        "ALTER TABLE epoch ADD COLUMN log_known boolean NOT NULL DEFAULT false;",
    )
)

UPGRADE = (
    _ONE_AT_A_TIME
    + _REFUSE_LARGE_EVENT
    + _outbox("events")
    + _outbox("bulk")
    + _PROGRESS
    + _BARRIER
    + _CAUSED_EVENT_ID
    + _SETTING_ASIDE
    + _UNSENT
    + _REPUBLISHING
)
"""SQL that creates the tables, or upgrades the tables of any earlier version of this library.

Execute it in a migration, or at every start. It is idempotent. Processes that execute it at the same time wait for each
other. It does not lock tables that need no change. An earlier version of the library works on the upgraded tables.

The tables are an outbox per lane, the inbox, positions with owner tokens, the relay's heartbeat, the barrier's
counters, events that were set aside, events that the log refused, rebuilds, republications and the epoch. An outbox
refuses an event that is larger than ``MAX_EVENT_BYTES``. The function ``caused_event_id`` computes the same ids as
``recobro_events.caused_event_id``; ``first_version`` returns the lowest version of the epoch.
"""

UPGRADE_AGENCIES = _ONE_AT_A_TIME + _REFUSE_LARGE_EVENT + _outbox("agencies", ",\n    topic text NOT NULL")
"""The same for the outbox of the lane ``agencies``, in the service that publishes events for agencies."""
