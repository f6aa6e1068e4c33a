"""The ladder of approach: its steps by portfolio, the steps that contracts have reached, and the notices sent."""

import chassis.schema
from alembic import op

revision = "0042"
down_revision = "0041"

_LADDER = f"""
ALTER TABLE contract ADD COLUMN step text;
-- Each change is a new version. A portfolio without a row has the default ladder, as version 0.
CREATE TABLE ladder (
    portfolio_id uuid NOT NULL REFERENCES portfolio,
    version integer NOT NULL,
    steps jsonb NOT NULL,
    words jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR},
    PRIMARY KEY (portfolio_id, version)
);
-- The steps that a contract has reached in its episodes, with the business date. The step of an episode stays when the
-- contract is cured, because a reversed payment may lead back to it.
CREATE TABLE contract_step (
    contract_id uuid NOT NULL REFERENCES contract,
    episode integer NOT NULL,
    step text NOT NULL,
    since date NOT NULL,
    ladder_version integer NOT NULL,
    PRIMARY KEY (contract_id, episode, step)
);
CREATE TABLE notice (
    notice_id uuid PRIMARY KEY DEFAULT uuidv7(),
    contract_id uuid NOT NULL REFERENCES contract,
    episode integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('reminder', 'extrajudicial', 'judicial', 'bureau')),
    channel text NOT NULL,
    sent_on date NOT NULL,
    registered_number text,
    receipt_sha256 text,
    document text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR},
    CHECK (registered_number IS NOT NULL OR receipt_sha256 IS NOT NULL)
);
CREATE INDEX notice_contract ON notice (contract_id);
INSERT INTO judging_mark (portfolio_id, contract_id)
SELECT portfolio_id, contract_id FROM contract WHERE state = 'open';
"""


def upgrade() -> None:
    op.execute(_LADDER)
