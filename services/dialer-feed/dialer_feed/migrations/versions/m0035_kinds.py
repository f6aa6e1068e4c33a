"""Campaigns have a kind, an order, a daily size, and say which phones an entry has."""

import projections.contact_points
import projections.contracts
from alembic import op
from recobro_platform import AGENCY_ROLE

revision = "0035"
down_revision = "0034"

_TABLES = f"""
-- min_total and due_within_days: conditions of preventive campaigns. list_order null: by contract number. Null:
-- daily_size and phones_per_entry have no bound.
ALTER TABLE campaign
    ADD COLUMN kind text NOT NULL DEFAULT 'blaster'
        CHECK (kind IN ('blaster', 'predictive', 'manual', 'preventive')),
    ADD COLUMN min_total numeric,
    ADD COLUMN due_within_days integer,
    ADD COLUMN list_order text CHECK (list_order IN ('balance', 'days_past_due', 'last_contact')),
    ADD COLUMN daily_size integer,
    ADD COLUMN phones_per_entry integer,
    ADD COLUMN phone_order text[] NOT NULL DEFAULT '{{}}',
    ADD CHECK (kind <> 'preventive' OR (min_total IS NOT NULL AND due_within_days IS NOT NULL)),
    ADD CHECK (daily_size IS NULL OR list_order IS NOT NULL);
GRANT SELECT (kind, min_total, due_within_days, list_order, daily_size, phones_per_entry, phone_order)
    ON campaign TO {AGENCY_ROLE};
GRANT SELECT (total_balance, oldest_due_on) ON contract TO {AGENCY_ROLE};

-- The place of an entry on a list that has an order, from 1. Null: the list is by contract number.
ALTER TABLE list_entry ADD COLUMN place integer;
CREATE INDEX list_entry_place ON list_entry (list_id, place) WHERE place IS NOT NULL;
GRANT SELECT (place) ON list_entry TO {AGENCY_ROLE};
-- Where the daily size has cut the list: the first contract that was left out, by the values of its order. Null: all
-- contracts that might be on the list had a place.
ALTER TABLE dialing_list ADD COLUMN cut_at numeric[], ADD COLUMN cut_number text;
"""


def upgrade() -> None:
    op.execute(projections.contracts.TOTAL)
    op.execute(projections.contact_points.VERIFIED)
    op.execute(_TABLES)
