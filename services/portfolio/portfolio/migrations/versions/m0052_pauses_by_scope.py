"""Pauses of a person, a portfolio or a postal code: each has a row for every contract that it pauses."""

import chassis.schema
from alembic import op

revision = "0052"
down_revision = "0051"

_TABLES = f"""
-- What is paused: its row is locked while its pauses change.
CREATE TABLE pause_scope (
    scope_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('person', 'portfolio', 'postal_code')),
    creditor_id uuid NOT NULL REFERENCES creditor,
    person_id uuid,
    portfolio_id uuid REFERENCES portfolio,
    country text,
    postal_code text,
    CHECK (num_nonnulls(person_id, portfolio_id, postal_code) = 1)
);
CREATE INDEX pause_scope_creditor ON pause_scope (creditor_id);
-- applied_to: the contracts of the scope up to this id have the pause as it is now; null: all have.
CREATE TABLE scoped_pause (
    pause_id uuid PRIMARY KEY DEFAULT uuidv7(),
    scope_id uuid NOT NULL REFERENCES pause_scope,
    reason text NOT NULL,
    starts_on date NOT NULL,
    ends_on date,
    applied_to uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR},
    ended_by jsonb
);
CREATE INDEX scoped_pause_scope ON scoped_pause (scope_id, starts_on);
CREATE INDEX scoped_pause_unapplied ON scoped_pause (pause_id) WHERE applied_to IS NOT NULL;
ALTER TABLE pause ADD COLUMN scoped_pause_id uuid REFERENCES scoped_pause;
CREATE INDEX pause_scoped ON pause (scoped_pause_id) WHERE scoped_pause_id IS NOT NULL;
"""
# Pauses of one scope do not overlap. A pause that was called off ends before it starts, and has no days.
_TRIGGERS = """
CREATE FUNCTION refuse_overlapping_pause() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.scoped_pause_id IS NOT NULL OR coalesce(new.ends_on, 'infinity') < new.starts_on THEN
        RETURN NULL;
    END IF;
    PERFORM FROM contract WHERE contract_id = new.contract_id FOR UPDATE;
    IF EXISTS (SELECT FROM pause AS other
        WHERE other.contract_id = new.contract_id AND other.pause_id <> new.pause_id AND other.scoped_pause_id IS NULL
            AND coalesce(other.ends_on, 'infinity') >= other.starts_on
            AND other.starts_on <= coalesce(new.ends_on, 'infinity')
            AND coalesce(other.ends_on, 'infinity') >= new.starts_on) THEN
        RAISE EXCEPTION 'pauses of one contract overlap' USING ERRCODE = 'exclusion_violation',
            CONSTRAINT = 'pause_overlap';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refuse_overlapping_pause AFTER INSERT OR UPDATE OF starts_on, ends_on, contract_id ON pause
    FOR EACH ROW EXECUTE FUNCTION refuse_overlapping_pause();
CREATE FUNCTION refuse_overlapping_scoped_pause() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(new.ends_on, 'infinity') < new.starts_on THEN
        RETURN NULL;
    END IF;
    PERFORM FROM pause_scope WHERE scope_id = new.scope_id FOR UPDATE;
    IF EXISTS (SELECT FROM scoped_pause AS other
        WHERE other.scope_id = new.scope_id AND other.pause_id <> new.pause_id
            AND coalesce(other.ends_on, 'infinity') >= other.starts_on
            AND other.starts_on <= coalesce(new.ends_on, 'infinity')
            AND coalesce(other.ends_on, 'infinity') >= new.starts_on) THEN
        RAISE EXCEPTION 'pauses of one scope overlap' USING ERRCODE = 'exclusion_violation',
            CONSTRAINT = 'scoped_pause_overlap';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refuse_overlapping_scoped_pause
    AFTER INSERT OR UPDATE OF starts_on, ends_on, scope_id ON scoped_pause
    FOR EACH ROW EXECUTE FUNCTION refuse_overlapping_scoped_pause();
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(_TRIGGERS)
