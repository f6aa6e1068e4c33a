"""The tables of the embedded log, in a database of its own."""

CREATE = r"""
CREATE TABLE IF NOT EXISTS topic (
    topic_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    partitions integer NOT NULL CHECK (partitions BETWEEN 1 AND 1000)
);
CREATE TABLE IF NOT EXISTS partition (
    topic_id integer NOT NULL REFERENCES topic,
    partition integer NOT NULL,
    start_offset bigint NOT NULL DEFAULT 0,
    next_offset bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic_id, partition)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0);
CREATE TABLE IF NOT EXISTS record (
    topic_id integer NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    key text NOT NULL,
    value bytea NOT NULL,
    headers text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic_id, partition, "offset")
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE TABLE IF NOT EXISTS group_member (
    group_name text NOT NULL,
    member_id uuid NOT NULL,
    backend_pid integer NOT NULL,
    topics text[] NOT NULL,
    joined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    beat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (group_name, member_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0);
DROP TABLE IF EXISTS group_offset;
CREATE OR REPLACE FUNCTION append(
    to_topics text[], to_partitions integer[], keys text[], contents bytea[], all_headers text[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM partition AS held JOIN topic USING (topic_id)
    WHERE (topic.name, held.partition) IN (SELECT * FROM unnest(to_topics, to_partitions))
    ORDER BY held.topic_id, held.partition
    FOR UPDATE OF held;
    WITH incoming AS (
        SELECT topic.topic_id, given.partition, given.key, given.content, given.headers,
            row_number() OVER (PARTITION BY topic.topic_id, given.partition ORDER BY given.n) AS rank
        FROM unnest(to_topics, to_partitions, keys, contents, all_headers)
            WITH ORDINALITY AS given (topic, partition, key, content, headers, n)
        JOIN topic ON topic.name = given.topic
    ), moved AS (
        UPDATE partition AS held SET next_offset = held.next_offset + counted.records
        FROM (SELECT topic_id, partition, count(*) AS records FROM incoming GROUP BY 1, 2) AS counted
        WHERE held.topic_id = counted.topic_id AND held.partition = counted.partition
        RETURNING held.topic_id, held.partition, held.next_offset - counted.records AS base
    )
    INSERT INTO record (topic_id, partition, "offset", key, value, headers)
    SELECT topic_id, partition, base + rank - 1, key, content, headers
    FROM incoming JOIN moved USING (topic_id, partition);
    PERFORM pg_notify('log', topic || ' ' || string_agg(DISTINCT partition::text, ' '))
    FROM unnest(to_topics, to_partitions) AS grown (topic, partition) GROUP BY topic;
END;
$$;
"""
"""Idempotent SQL; every process executes it when it opens the log."""

APPEND = "SELECT append($1::text[], $2::integer[], $3::text[], $4::bytea[], $5::text[])"
"""Appends a batch in one transaction; records of one partition keep their order."""
