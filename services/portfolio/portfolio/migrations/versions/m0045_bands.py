"""A portfolio has bands of its own; a change of stage is announced before it happens."""

from alembic import op
from recobro_platform import AGENCY_ROLE

revision = "0045"
down_revision = "0044"

# The bands in force on the business date, which the staging of contracts reads. Each column is the first day past due
# of its stage; null: there is no such stage. A null bands_id stands for the usual bands.
_COLUMNS = """
ALTER TABLE portfolio
    ADD COLUMN bands_id uuid,
    ADD COLUMN bands_from date,
    ADD COLUMN early_from integer DEFAULT 1,
    ADD COLUMN late_from integer DEFAULT 31,
    ADD COLUMN legal_from integer DEFAULT 91,
    ADD COLUMN stage_notice_days integer NOT NULL DEFAULT 3;
"""
# A later version with the same from_on replaces an earlier one. entered_on: the business date; null before a file.
_TABLES = """
CREATE TABLE stage_bands (
    bands_id uuid PRIMARY KEY DEFAULT uuidv7(),
    portfolio_id uuid NOT NULL REFERENCES portfolio,
    from_on date NOT NULL,
    early_from integer,
    late_from integer,
    legal_from integer,
    entered_on date,
    entered_at timestamptz NOT NULL DEFAULT now(),
    actor jsonb DEFAULT nullif(current_setting('app.actor', true), '')::jsonb,
    CHECK (num_nonnulls(early_from, late_from, legal_from) > 0)
);
CREATE INDEX stage_bands_portfolio ON stage_bands (portfolio_id, from_on, bands_id);

-- The contracts of a portfolio whose bands have changed are staged again, in the order of their numbers.
-- after: the last number that is done.
CREATE TABLE restaging (
    portfolio_id uuid PRIMARY KEY REFERENCES portfolio,
    after text NOT NULL DEFAULT '',
    started_at timestamptz NOT NULL DEFAULT now(),
    actor jsonb
);
"""
# bands_id: the bands of the position. told_stage_on: the day of change that was announced.
_CONTRACTS = """
ALTER TABLE contract
    ADD COLUMN bands_id uuid,
    ADD COLUMN next_stage_on date,
    ADD COLUMN told_stage_on date;
-- Contracts with pauses get their day when they are staged next.
UPDATE contract SET next_stage_on = oldest_due_on + CASE stage WHEN 'current' THEN 1 WHEN 'early' THEN 31 ELSE 91 END
WHERE state = 'open' AND oldest_due_on IS NOT NULL AND stage <> 'legal'
    AND NOT EXISTS (SELECT FROM pause WHERE pause.contract_id = contract.contract_id);
CREATE INDEX contract_nears_stage ON contract (portfolio_id, next_stage_on)
    WHERE state = 'open' AND told_stage_on IS DISTINCT FROM next_stage_on;
"""
# The stage of a contract of the portfolio that is so many days past due on a day, by the bands as known now.
_STAGE_OF = """
CREATE FUNCTION stage_of(of_portfolio uuid, on_day date, days integer) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN days >= legal_from THEN 'legal' WHEN days >= late_from THEN 'late'
        WHEN days >= early_from THEN 'early' ELSE 'current' END
    FROM (
        SELECT from_on, bands_id, early_from, late_from, legal_from FROM stage_bands
        WHERE portfolio_id = of_portfolio AND from_on <= on_day
        UNION ALL SELECT '-infinity', NULL, 1, 31, 91
        ORDER BY from_on DESC, bands_id DESC LIMIT 1
    ) AS known
$$;
"""


def upgrade() -> None:
    op.execute(_COLUMNS)
    op.execute(_TABLES)
    op.execute(_CONTRACTS)
    op.execute(_STAGE_OF)
    op.execute(f"GRANT SELECT (early_from, late_from, legal_from) ON portfolio TO {AGENCY_ROLE}")
