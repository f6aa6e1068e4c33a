"""The roles of the embedded PostgreSQL: one for each service, which owns nothing, and one for the embedded log.

The superuser owns the services' databases and migrates them. A service works as its own role. An agency's request works
as ``recobro_agency``, which every service may become.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import asyncpg
from recobro_platform import AGENCY_ROLE, Service

from recobro.postgres import EmbeddedPostgres

LOG = "log"
"""The database of the embedded log, and the role that owns it."""
_CREATE_AGENCY_ROLE = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{AGENCY_ROLE}') THEN CREATE ROLE {AGENCY_ROLE} NOLOGIN; END IF;
END $$
"""
# An earlier release created the log's tables as the superuser.
_OWN_ALL = f"""
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner <> '{LOG}' LOOP
        EXECUTE format('ALTER TABLE public.%I OWNER TO {LOG}', name);
    END LOOP;
END $$
"""


def dsn(server: EmbeddedPostgres, database: str, role: str) -> str:
    """Return the URL of a database for the role. Call this only after ``ensure``."""
    password = quote(_password_file(server, role).read_text().strip())
    return f"postgresql://{role}:{password}@127.0.0.1:{server.port}/{database}"


async def ensure(server: EmbeddedPostgres, services: Sequence[Service]) -> None:
    """Create the databases and roles that are missing, the log's too. Idempotent."""
    roles = {service.database: service.role for service in services} | {LOG: LOG}
    admin = await asyncpg.connect(server.dsn("postgres"), timeout=10)
    try:
        await ensure_agency_role(admin)
        there = {row["datname"] for row in await admin.fetch("SELECT datname FROM pg_database")}
        known = {row["rolname"] for row in await admin.fetch("SELECT rolname FROM pg_roles")}
        for name, role in roles.items():
            how = "ALTER" if role in known else "CREATE"
            await admin.execute(
                f"{how} ROLE \"{role}\" LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{_password(server, role)}'"
            )
            # Policies for the agencies' role apply to every role that inherits it.
            await admin.execute(f'GRANT {AGENCY_ROLE} TO "{role}" WITH INHERIT FALSE, SET TRUE')
            if name not in there:
                await admin.execute(f'CREATE DATABASE "{name}"')
            await admin.execute(f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC')
            await admin.execute(f'GRANT CONNECT, TEMPORARY ON DATABASE "{name}" TO "{role}"')
        await admin.execute(f"ALTER DATABASE {LOG} OWNER TO {LOG}")
    finally:
        await admin.close()
    log = await asyncpg.connect(server.dsn(LOG), timeout=10)
    try:
        await log.execute(_OWN_ALL)
    finally:
        await log.close()


async def ensure_agency_role(admin: asyncpg.Connection) -> None:
    """Create the role of agencies' requests, which the tables' policies name."""
    await admin.execute(_CREATE_AGENCY_ROLE)


def _password(server: EmbeddedPostgres, role: str) -> str:
    file = _password_file(server, role)
    if not file.exists():
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text().strip()


def _password_file(server: EmbeddedPostgres, role: str) -> Path:
    return server.folder / "roles" / role
