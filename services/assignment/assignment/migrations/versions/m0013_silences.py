"""What silences a contract, and which silences have been published to its agencies."""

from alembic import op
from projections import payments, promises, set_aside

revision = "0013"
down_revision = "0012"

_TABLES = r"""
-- The debtor's status, and the contract's version at which an event last stated it.
ALTER TABLE contract ADD COLUMN status text NOT NULL DEFAULT 'active',
    ADD COLUMN status_seen_version bigint NOT NULL DEFAULT -1;
-- The media by which the debtor refuses to be reached on a contact point; version is that of the contact point.
CREATE TABLE opt_out (
    contract_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    version bigint NOT NULL,
    media text[] NOT NULL,
    PRIMARY KEY (contract_id, contact_id)
);
-- The silences that were published to the agencies of the contract; published counts the events of each. One that ended
-- by an event stays with ended = true, for it may come back. One that ended by its date stays until the next event.
CREATE TABLE silence (
    contract_id uuid NOT NULL,
    silence_id uuid NOT NULL,
    reason text NOT NULL,
    since date NOT NULL,
    until date,
    medium text,
    contact_id uuid,
    published integer NOT NULL DEFAULT 1,
    ended boolean NOT NULL DEFAULT false,
    PRIMARY KEY (contract_id, silence_id)
);
"""


def upgrade() -> None:
    op.execute(payments.TABLE + payments.SILENCES + promises.TABLE + set_aside.TABLE)
    op.execute(_TABLES)
