
CREATE TABLE outbox_events (
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    event_id uuid NOT NULL DEFAULT uuidv7(),
    type text NOT NULL,
    key text NOT NULL,
    partition smallint,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    traceparent text,
    audience text,
    body text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0);

CREATE TABLE outbox_bulk (
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    event_id uuid NOT NULL DEFAULT uuidv7(),
    type text NOT NULL,
    key text NOT NULL,
    partition smallint,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    traceparent text,
    audience text,
    body text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0);

CREATE TABLE relay_heartbeat (
    lane text PRIMARY KEY,
    backend_pid integer NOT NULL,
    beat_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0);
CREATE TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
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
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0);
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
CREATE FUNCTION caused_event_id(cause uuid, consumer text, event_type text, key text, n integer) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT encode(
        set_byte(set_byte(digest, 6, (get_byte(digest, 6) & 15) | 128), 8, (get_byte(digest, 8) & 63) | 128),
        'hex')::uuid
    FROM (SELECT substring(
        sha256(convert_to(concat_ws('|', cause, consumer, event_type, key, n), 'UTF8')) FOR 16) AS digest) AS hashed
$$;

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

CREATE TABLE outbox_agencies (
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    event_id uuid NOT NULL DEFAULT uuidv7(),
    type text NOT NULL,
    key text NOT NULL,
    partition smallint,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    traceparent text,
    audience text,
    body text NOT NULL,
    topic text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0);
