"""The debtor's page: its links, what a debtor did there, and digests of what proves who the debtor is."""

import chassis.schema
import projections.contracts
from alembic import op

revision = "0019"
down_revision = "0018"

_PAGE = f"""
-- The creditor's name and what its letters state. Null: told by an earlier release.
ALTER TABLE portfolio ADD COLUMN company text, ADD COLUMN letterhead jsonb;
-- The key of all digests of the debtor's page. The service makes it when it needs it first.
CREATE TABLE page_key (one boolean PRIMARY KEY DEFAULT true CHECK (one), key bytea NOT NULL);
-- Digests of the end of the debtor's tax id and of the postal codes. A debtor who was erased has neither.
CREATE TABLE page_identity (
    contract_id uuid PRIMARY KEY,
    details_version bigint NOT NULL,
    language text,
    tax_id text,
    postal_codes text[] NOT NULL
);
-- token_digest and session_digest: of the link's token, and of the session that it was opened for.
-- tried: digests of the wrong answers. ended_because: why the link ended before its time.
CREATE TABLE page_link (
    link_id uuid PRIMARY KEY DEFAULT uuidv7(),
    contract_id uuid NOT NULL,
    token_digest bytea NOT NULL UNIQUE,
    language text,
    expires_at timestamptz NOT NULL,
    tried text[] NOT NULL DEFAULT '{{}}',
    signed_in_at timestamptz,
    session_digest bytea UNIQUE,
    session_until timestamptz,
    ended_at timestamptz,
    ended_because text,
    created_at timestamptz NOT NULL,
    {chassis.schema.ACTOR},
    ended_actor jsonb
);
CREATE INDEX page_link_contract ON page_link (contract_id, link_id);
CREATE INDEX page_link_alive ON page_link (contract_id) WHERE ended_at IS NULL;
-- What a debtor did, once for each form that was sent. result has ids, amounts and days, and no words of the debtor.
CREATE TABLE page_act (
    act_id uuid PRIMARY KEY DEFAULT uuidv7(),
    link_id uuid NOT NULL REFERENCES page_link,
    form text NOT NULL,
    kind text NOT NULL,
    result jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    {chassis.schema.ACTOR},
    UNIQUE (link_id, form)
);
"""


def upgrade() -> None:
    op.execute(projections.contracts.COMPONENTS)
    op.execute(_PAGE)
