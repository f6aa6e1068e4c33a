"""The chassis's own table in every service's database. A service's first migration executes ``CREATE``."""

CREATE = r"""
CREATE TABLE idempotent_answer (
    subject text NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    key text NOT NULL,
    request_sha256 bytea NOT NULL,
    status integer,
    content_type text,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, method, path, key)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX idempotent_answer_created_at ON idempotent_answer (created_at);
"""
"""The answers kept for ``Idempotency-Key``. ``status`` is null if only the request's hash is kept."""

PRUNED = """
ALTER TABLE idempotent_answer
    SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
"""
"""Gives the table of an older database the options that ``CREATE`` sets now."""
