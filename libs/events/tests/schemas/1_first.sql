
CREATE TABLE outbox_events (
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    event_id uuid NOT NULL DEFAULT uuidv7(),
    type text NOT NULL,
    key text NOT NULL,
    partition smallint,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    traceparent text,
    body text NOT NULL
);
CREATE TABLE outbox_bulk (
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    event_id uuid NOT NULL DEFAULT uuidv7(),
    type text NOT NULL,
    key text NOT NULL,
    partition smallint,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    traceparent text,
    body text NOT NULL
);
CREATE TABLE relay_heartbeat (
    lane text PRIMARY KEY,
    backend_pid integer NOT NULL,
    beat_at timestamptz NOT NULL
);
CREATE TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_applied_at ON inbox USING brin (applied_at);
CREATE TABLE consumer_position (
    consumer text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    last_record_id text,
    owner uuid NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, topic, partition)
);
CREATE TABLE barrier (
    barrier_id uuid PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('waiting', 'open', 'reached', 'failed')),
    sources text[] NOT NULL,
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
    seen integer NOT NULL,
    markers integer NOT NULL,
    PRIMARY KEY (barrier_id, service, round)
);
CREATE FUNCTION caused_event_id(cause uuid, consumer text, event_type text, key text, n integer) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT encode(
        set_byte(set_byte(digest, 6, (get_byte(digest, 6) & 15) | 128), 8, (get_byte(digest, 8) & 63) | 128),
        'hex')::uuid
    FROM (SELECT substring(
        sha256(convert_to(concat_ws('|', cause, consumer, event_type, key, n), 'UTF8')) FOR 16) AS digest) AS hashed
$$;
