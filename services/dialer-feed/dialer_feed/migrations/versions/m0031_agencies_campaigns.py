"""Agencies read the segments and steps of their campaigns, as every other column of them."""

from alembic import op
from recobro_platform import AGENCY_ROLE

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.execute(f"GRANT SELECT (segments, steps) ON campaign TO {AGENCY_ROLE}")
