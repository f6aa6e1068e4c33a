"""Numbers of parties, campaigns that call them, and calls to people who may not be contacted."""

from alembic import op
from projections import contact_points
from recobro_platform import AGENCY_ROLE

revision = "0025"
down_revision = "0024"

_CAMPAIGNS = f"""
ALTER TABLE campaign ADD COLUMN parties boolean NOT NULL DEFAULT false;
GRANT SELECT (components) ON contract TO {AGENCY_ROLE};
GRANT SELECT (parties) ON campaign TO {AGENCY_ROLE};
GRANT SELECT (party_id, party_role, party_name) ON contact_point TO {AGENCY_ROLE};
"""


def upgrade() -> None:
    op.execute(contact_points.PARTIES)
    op.execute(_CAMPAIGNS)
