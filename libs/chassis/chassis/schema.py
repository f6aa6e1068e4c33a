"""The chassis's own tables in every service's database. A service's first migration executes ``CREATE``."""

from recobro_platform import AGENCY_ROLE

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

ACTOR = "actor jsonb DEFAULT nullif(current_setting('app.actor', true), '')::jsonb"
"""A column that says who made a row: what the route has set for its request, null for what an event made.

A JSON object of ``subject``, ``client``, ``agency_id``, ``delegate``, ``token_id`` and ``request_id``.
"""

AUDIT = f"""
CREATE TABLE audit_entry (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {ACTOR} NOT NULL,
    method text NOT NULL,
    route text NOT NULL,
    path text NOT NULL,
    status smallint,
    objects uuid[] NOT NULL
);
CREATE INDEX audit_entry_objects ON audit_entry USING gin (objects);
CREATE INDEX audit_entry_subject ON audit_entry ((actor ->> 'subject'), entry_id);
CREATE TABLE audit_unsealed (entry_id bigint PRIMARY KEY);
CREATE TABLE audit_seal (
    seal_id bigint PRIMARY KEY,
    entries bigint[] NOT NULL,
    digest bytea NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""
"""Who changed what, and the seals over it. ``status`` is null in an entry that was written before its work began."""

AUDIT_PRUNED = """
CREATE TABLE audit_pruned (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    seal_id bigint NOT NULL,
    digest bytea NOT NULL,
    entries bigint NOT NULL,
    newest_at timestamptz NOT NULL,
    pruned_at timestamptz NOT NULL
);
"""
"""At most one row: the last seal whose entries were deleted, how many entries were, and when the newest was written."""

AGENCY = "nullif(current_setting('app.agency_id', true), '')::uuid"
"""SQL: the agency whose request this is. Null, so that it equals nothing, if the request is nobody's."""


def agency_policy(table: str, visible: str, columns: str = "") -> str:
    """SQL that lets an agency's request read those rows of ``table`` for which ``visible`` holds, and nothing else.

    Everybody else sees all rows. PostgreSQL applies this even to a query that forgets its filter. In ``visible`` the
    policies of other tables apply too. ``columns`` are the names of the readable columns, by default of all.
    """
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY everybody ON {table} USING (true);
CREATE POLICY agency ON {table} AS RESTRICTIVE TO {AGENCY_ROLE} USING ({visible});
GRANT SELECT{f" ({columns})" if columns else ""} ON {table} TO {AGENCY_ROLE};
"""
