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
    types text[],
    joined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    beat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (group_name, member_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0);
-- The types of the events for which a member wants to be woken; null for all.
ALTER TABLE group_member ADD COLUMN IF NOT EXISTS types text[];
DROP TABLE IF EXISTS group_offset;
CREATE OR REPLACE FUNCTION append(
    to_topics text[], to_partitions integer[], keys text[], contents bytea[], all_headers text[], event_types text[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place record;
BEGIN
    IF cardinality(keys) = 1 THEN
        -- The usual case. It needs no order of locks, and half the time of the statements below.
        UPDATE partition AS held SET next_offset = held.next_offset + 1
        FROM topic WHERE topic.name = to_topics[1] AND held.topic_id = topic.topic_id
            AND held.partition = to_partitions[1]
        RETURNING held.topic_id, held.next_offset - 1 AS record_offset INTO STRICT place;
        INSERT INTO record (topic_id, partition, "offset", key, value, headers)
        VALUES (place.topic_id, to_partitions[1], place.record_offset, keys[1], contents[1], all_headers[1]);
        PERFORM pg_notify(coalesce(channel, 'records'), to_topics[1] || ' ' || to_partitions[1])
        FROM (
            SELECT DISTINCT CASE WHEN types IS NOT NULL THEN event_types[1] END AS channel FROM group_member
            WHERE to_topics[1] = ANY (topics) AND (types IS NULL OR event_types[1] = ANY (types))
        ) AS heard;
        RETURN;
    END IF;
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
    -- A commit with a notification waits for every other such commit, so nobody is notified of what nobody handles.
    PERFORM pg_notify(channel, topic || ' ' || string_agg(partition::text, ' '))
    FROM (
        SELECT DISTINCT coalesce(wanted.type, 'records') AS channel, topic, partition
        FROM (SELECT DISTINCT * FROM unnest(to_topics, to_partitions, event_types)) AS grown (topic, partition, type)
        JOIN group_member AS member ON grown.topic = ANY (member.topics)
        CROSS JOIN LATERAL (SELECT CASE WHEN member.types IS NOT NULL THEN grown.type END AS type) AS wanted
        WHERE member.types IS NULL OR grown.type = ANY (member.types)
    ) AS heard
    GROUP BY channel, topic;
END;
$$;
"""
"""Idempotent SQL; every process executes it when it opens the log."""

APPEND = "SELECT append($1::text[], $2::integer[], $3::text[], $4::bytea[], $5::text[], $6::text[])"
"""Appends a batch in one transaction; records of one partition keep their order."""
