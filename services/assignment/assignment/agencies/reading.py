"""Reading agencies. An agency can read only its own record."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis import NotFound, OutputModel, Principal, Reader
from chassis.letterheads import Letterhead

from assignment.agencies import queries


class AgencyUnknown(NotFound):
    code = "agency-unknown"
    detail = "There is no such agency."


class Agency(OutputModel):
    """``letterhead`` is what letters say of the agency."""

    agency_id: UUID
    name: str
    email: str | None
    letterhead: Letterhead
    created_at: datetime


async def expect_agency(reader: Reader, agency_id: UUID, who: Principal) -> Agency:
    """Return the agency. Raises ``AgencyUnknown``, also when an agency asks for another one."""
    row = await reader.fetchrow(queries.AGENCY, agency_id)
    if row is None or who.agency_id not in (None, agency_id):
        raise AgencyUnknown()
    return Agency(**row)


async def expect_agencies(reader: Reader, agency_ids: Sequence[UUID]) -> None:
    """Check that these agencies exist. Raises ``AgencyUnknown``, which names the unknown ids."""
    if unknown := await reader.fetch(queries.UNKNOWN_AGENCIES, agency_ids):
        raise AgencyUnknown(f"There is no such agency: {', '.join(str(row['agency_id']) for row in unknown)}.")
