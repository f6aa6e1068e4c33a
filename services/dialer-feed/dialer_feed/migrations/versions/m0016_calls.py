"""Silences as intervals, the business dates of portfolios over time, and calls without a list, inbound or by hand."""

from alembic import op

revision = "0016"
down_revision = "0015"

_TABLES = """
-- From began_at on, and before ended_at, the contract was silent on the days from from_on to until_on (null: no bound).
-- contact_id: that number alone. agency_id: for that agency alone. except_agency_id: for everybody but that agency.
CREATE TABLE IF NOT EXISTS silence (
    contract_id uuid NOT NULL,
    silence_id uuid NOT NULL DEFAULT uuidv7(),
    reason text NOT NULL,
    contact_id uuid,
    agency_id uuid,
    except_agency_id uuid,
    from_on date,
    until_on date,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (contract_id, silence_id)
) WITH (fillfactor = 85);
-- The business date of a portfolio from began_at on.
CREATE TABLE IF NOT EXISTS business_day (
    portfolio_id uuid NOT NULL,
    business_date date NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (portfolio_id, business_date)
);
-- unlisted: not on a list that was live. attempt: it counts towards the caps of call frequency. list_id is zeros for a
-- call without a list. unknown_phone: the number, where the contract does not have it.
ALTER TABLE call_result ADD COLUMN IF NOT EXISTS direction text NOT NULL DEFAULT 'outbound',
    ADD COLUMN IF NOT EXISTS manual boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS unlisted boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS attempt boolean NOT NULL DEFAULT true,
    ADD COLUMN IF NOT EXISTS breaches text[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS silence text,
    ADD COLUMN IF NOT EXISTS unknown_phone text;
CREATE INDEX IF NOT EXISTS call_result_breach ON call_result (reported_at, dialed_for, call_id)
    WHERE wrongful OR breaches <> '{}';
CREATE INDEX IF NOT EXISTS contract_debtor ON contract (debtor_id);
CREATE INDEX IF NOT EXISTS contract_number ON contract (contract_number);
"""
# What is silent now has been so since its withdrawal from a live list, else from now on.
_FILL = """
INSERT INTO business_day (portfolio_id, business_date, began_at)
SELECT portfolio_id, business_date, '-infinity' FROM portfolio WHERE business_date IS NOT NULL ON CONFLICT DO NOTHING;

INSERT INTO silence (contract_id, reason, contact_id, agency_id, except_agency_id, from_on, until_on, began_at)
SELECT now_silent.contract_id, now_silent.reason, contact_id, agency_id, except_agency_id, from_on, until_on,
    coalesce((
        SELECT max(entry.withdrawn_at) FROM list_entry entry JOIN dialing_list list USING (list_id)
        WHERE entry.contract_id = now_silent.contract_id AND entry.reason = now_silent.reason
            AND list.status = 'published' AND list.live_until > now()), clock_timestamp())
FROM (
    SELECT contract_id, 'unknown_state' AS reason, NULL::uuid AS contact_id, NULL::uuid AS agency_id,
        NULL::uuid AS except_agency_id, NULL::date AS from_on, NULL::date AS until_on
    FROM set_aside
    UNION
    SELECT contract_id, 'closed', NULL, NULL, NULL, NULL, NULL FROM contract WHERE state <> 'open'
    UNION
    SELECT contract_id, status, NULL, NULL, NULL, NULL, NULL FROM contract
    WHERE status IN ('deceased', 'represented')
    UNION
    SELECT contract_id, 'clarification', NULL, NULL, NULL, NULL, NULL FROM clarification WHERE silent
    UNION
    SELECT contract_id, reason, contact_id, NULL, NULL, NULL, NULL FROM reported_silence
    UNION
    SELECT contract_id, CASE WHEN claimed THEN 'payment_claimed' ELSE 'payment' END, NULL, NULL, NULL, NULL,
        max(coalesce(holdoff_from, business_date)) + 2
    FROM payment WHERE NOT reversed GROUP BY contract_id, claimed
    UNION
    SELECT contract_id, 'promise', NULL, NULL, NULL, NULL, max(silent_until) FROM promise WHERE open
    GROUP BY contract_id
    UNION
    SELECT contract_id, 'paused', NULL, NULL, NULL, starts_on, ends_on FROM pause
    UNION
    SELECT contract_id, 'recall', NULL, agency_id, NULL,
        CASE WHEN bool_or(state = 'active') THEN max(ends_on) FILTER (WHERE state = 'active') + 1 END, NULL
    FROM placement WHERE kind IN ('dialing', 'collection')
    GROUP BY contract_id, agency_id HAVING bool_and(state <> 'active' OR ends_on IS NOT NULL)
    UNION
    SELECT contract_id, 'no_longer_eligible', NULL, NULL, agency_id, starts_on, ends_on FROM placement
    WHERE kind = 'collection' AND state IN ('active', 'recall_pending', 'objected')
    UNION
    SELECT contract_id, 'unusable_number', contact_id, NULL, NULL, NULL, NULL FROM contact_point
    WHERE kind = 'phone' AND NOT usable
) AS now_silent;
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(_FILL)
