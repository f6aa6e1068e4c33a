"""For tests of what PostgreSQL shows to an agency's request."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from recobro_events import SESSION_SETTINGS
from recobro_platform import AGENCY_ROLE

READABLE_TABLES = f"""
SELECT relname, relrowsecurity AND relforcerowsecurity AS forced, (
    SELECT count(*) FROM pg_policy
    WHERE polrelid = pg_class.oid AND NOT polpermissive AND polroles = ARRAY['{AGENCY_ROLE}'::regrole::oid]
    ) AS policies
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND has_any_column_privilege('{AGENCY_ROLE}', oid, 'SELECT')
"""
"""SQL: the tables of which agencies may read something, and how many policies restrict them there."""

WRITABLE_TABLES = f"""
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')
    AND has_table_privilege('{AGENCY_ROLE}', oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
"""
"""SQL: the tables that agencies may change. There must be none."""


@contextmanager
def rights_of_agency(agency_id: UUID | str | None) -> Iterator[None]:
    """Connections that the block takes have the rights of this agency's request. None leaves the agency out."""
    agency = {} if agency_id is None else {"app.agency_id": str(agency_id)}
    before = SESSION_SETTINGS.set({"role": AGENCY_ROLE} | agency)
    try:
        yield
    finally:
        SESSION_SETTINGS.reset(before)
