"""Lists of numbers that nobody may call, such as a state's official list."""

from alembic import op
from chassis.schema import ACTOR, agency_policy

revision = "0029"
down_revision = "0028"

_TABLES = f"""
CREATE TABLE suppression_list (name text PRIMARY KEY);
-- What each upload of a list held. digest: SHA-256 of the file.
CREATE TABLE suppression_version (
    name text NOT NULL,
    version integer NOT NULL,
    numbers integer NOT NULL,
    added integer NOT NULL,
    removed integer NOT NULL,
    digest bytea NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {ACTOR},
    PRIMARY KEY (name, version)
);
-- The SHA-256 of a number in E.164, and from when to when it was on the list (until null: it is). No number is kept.
CREATE TABLE suppressed_number (
    number_hash bytea NOT NULL,
    name text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz,
    PRIMARY KEY (number_hash, name, since)
);
CREATE UNIQUE INDEX suppressed_now ON suppressed_number (name, number_hash) WHERE until IS NULL;
"""


def upgrade() -> None:
    op.execute(_TABLES)
    # Whether a number of an entry is barred decides what an agency's dialer reads.
    op.execute(agency_policy("suppressed_number", "until IS NULL", "number_hash, until"))
