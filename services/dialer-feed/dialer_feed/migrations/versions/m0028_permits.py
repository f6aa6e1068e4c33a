"""Permits and refusals by day, attempts before their results, and what a campaign demands of its dialers."""

from alembic import op
from chassis.schema import ACTOR, AGENCY, agency_policy
from recobro_platform import AGENCY_ROLE

revision = "0028"
down_revision = "0027"

_TABLES = f"""
-- caller_ids: the numbers from which the campaign's dialers may call; none: not registered.
ALTER TABLE campaign ADD COLUMN caller_ids text[] NOT NULL DEFAULT '{{}}',
    ADD COLUMN permits text NOT NULL DEFAULT 'optional' CHECK (permits IN ('optional', 'required'));
GRANT SELECT (caller_ids, permits) ON campaign TO {AGENCY_ROLE};

-- Whoever asks for a permit locks the row of the person, so that two who ask at once count each other.
CREATE TABLE person_turn (person_id uuid PRIMARY KEY);

-- Each row is a permit (reason null) or a refusal. Rows are never changed. permit_id contains the time, and each
-- partition holds a day. heard_at: everything that the other services had acknowledged by then was applied.
-- unknown_phone: the number, where the contract does not have it.
CREATE TABLE permit (
    permit_id uuid NOT NULL DEFAULT uuidv7() PRIMARY KEY,
    asked_at timestamptz NOT NULL,
    reason text,
    expires_at timestamptz,
    agency_id uuid,
    campaign_id uuid NOT NULL,
    list_id uuid,
    contract_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    unknown_phone text,
    caller_id text,
    business_date date,
    callable_until timestamptz,
    attempts integer,
    most_attempts integer,
    heard_at timestamptz,
    asked_by text NOT NULL,
    {ACTOR}
) PARTITION BY RANGE (permit_id);
CREATE INDEX permit_contract ON permit (contract_id, permit_id);
CREATE INDEX permit_list ON permit (list_id, permit_id) WHERE list_id IS NOT NULL;
-- Takes a permit only if the days ahead could not be made for a month.
CREATE TABLE permit_of_other_days PARTITION OF permit DEFAULT;

-- The lowest id that a UUID of version 7 of this day (UTC) or a later one can have.
CREATE FUNCTION first_permit_of(day date) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM day::timestamp AT TIME ZONE 'UTC') * 1000)::bigint), 12, '0')
        || repeat('0', 20))::uuid
$$;
-- The owner of the table makes and drops its days; the service's role may not. Returns how many it has made.
CREATE FUNCTION make_permit_days(ahead integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    of_day date;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('permit days', 0));
    FOR of_day IN SELECT (now() AT TIME ZONE 'UTC')::date + n FROM generate_series(-1, least(ahead, 60)) AS n LOOP
        CONTINUE WHEN to_regclass(format('permit_%s', to_char(of_day, 'YYYYMMDD'))) IS NOT NULL;
        EXECUTE format('CREATE TABLE permit_%s PARTITION OF permit FOR VALUES FROM (%L) TO (%L)',
            to_char(of_day, 'YYYYMMDD'), first_permit_of(of_day), first_permit_of(of_day + 1));
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
-- Drops a day that is empty, and older than three years. Returns whether it has.
CREATE FUNCTION drop_permit_day(of_day date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    name text := format('permit_%s', to_char(of_day, 'YYYYMMDD'));
    is_empty boolean;
BEGIN
    IF of_day > now() - interval '3 years' OR to_regclass(name) IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I)', name) INTO is_empty;
    IF is_empty THEN
        EXECUTE format('DROP TABLE %I', name);
    END IF;
    RETURN is_empty;
END $$;
SELECT make_permit_days(30);

-- A call that has begun. ended_at: its result has come. permit_id: the permit by which it was made. permit_state
-- says why the permit that it named does not count.
CREATE TABLE attempt (
    dialed_for uuid NOT NULL,
    attempt_id text NOT NULL,
    list_id uuid NOT NULL,
    contract_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    unknown_phone text,
    caller_id text,
    agent text,
    manual boolean NOT NULL,
    business_date date NOT NULL,
    started_at timestamptz NOT NULL,
    permit_id uuid,
    named_permit_id uuid,
    permit_state text NOT NULL DEFAULT 'none',
    dialer_id text NOT NULL,
    reported_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    PRIMARY KEY (dialed_for, attempt_id)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX attempt_permit ON attempt (permit_id) WHERE permit_id IS NOT NULL;
CREATE INDEX attempt_waiting ON attempt (started_at, dialed_for, attempt_id) WHERE ended_at IS NULL;
CREATE INDEX attempt_of_contract ON attempt (contract_id) WHERE ended_at IS NULL;
CREATE INDEX attempt_of_list ON attempt (list_id);
CREATE INDEX attempt_started ON attempt (started_at, dialed_for, attempt_id);

-- overtaken: the call began by a permit in force, after a withdrawal that its dialer had not yet acknowledged.
ALTER TABLE call_result ADD COLUMN permit_id uuid, ADD COLUMN overtaken boolean NOT NULL DEFAULT false;
CREATE INDEX call_result_overtaken ON call_result (list_id) WHERE overtaken;
GRANT SELECT (permit_id, overtaken) ON call_result TO {AGENCY_ROLE};
"""


def upgrade() -> None:
    op.execute(_TABLES)
    columns = "permit_id, asked_at, reason, expires_at, agency_id, campaign_id, list_id, contract_id"
    op.execute(agency_policy("permit", f"agency_id = {AGENCY}", columns))
    op.execute(agency_policy("attempt", f"dialed_for = {AGENCY}"))
