"""Agencies' own codes for how a call ended, and what each means."""

from alembic import op
from chassis.schema import AGENCY, agency_policy

revision = "0037"
down_revision = "0036"

_TABLES = """
-- disposition null: nobody has said yet what the code means. calls counts those that came meanwhile.
CREATE TABLE disposition_code (
    dialed_for uuid NOT NULL,
    code text COLLATE "C" NOT NULL,
    disposition text,
    calls bigint NOT NULL DEFAULT 0,
    last_at timestamptz,
    PRIMARY KEY (dialed_for, code)
) WITH (fillfactor = 85);
ALTER TABLE call_result ADD COLUMN disposition_code text;
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(agency_policy("disposition_code", f"dialed_for = {AGENCY}"))
