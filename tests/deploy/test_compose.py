"""The secrets and the roles that docker-compose.yml makes: a service works as a role that owns nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from deploy.cluster import ROOT
from recobro.postgres import EmbeddedPostgres, bin_folder
from recobro.session import free_port_base
from recobro_platform import AGENCY_ROLE, PROGRAMS, SERVICES, service_named

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

COMPOSE = ROOT / "deploy" / "compose"
SERVICE = service_named("field-visits")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server of its own: the roles have the same names in every database."""
    settings = {"fsync": "off", "shared_buffers": "32MB", "max_connections": "40"}
    server = EmbeddedPostgres(tmp_path_factory.mktemp("compose") / "postgres", free_port_base(), settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def secrets(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The secrets of all volumes, with the password of this server's superuser."""
    root = tmp_path_factory.mktemp("secrets")
    volumes = [one.name for one in PROGRAMS] + [f"{one.name}-owner" for one in PROGRAMS]
    for name in (*volumes, "grafana", "postgres", "operations", "keys", "jwks", "denied"):
        (root / name).mkdir()
    (root / "postgres" / "superuser").write_text(str(urlsplit(server.dsn("postgres")).password))
    run(sys.executable, "-P", COMPOSE / "make_secrets.py", root)
    return root


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_databases(server: EmbeddedPostgres, secrets: Path) -> None:
    run(
        *("bash", COMPOSE / "databases.sh", secrets / "postgres"),
        PATH=f"{bin_folder()}:{os.environ['PATH']}",
        PGHOST="127.0.0.1",
        PGPORT=str(server.port),
    )


def url(server: EmbeddedPostgres, secrets: Path, volume: str) -> str:
    text = (secrets / volume / "database-url").read_text()
    return text.replace("@postgres:5432/", f"@127.0.0.1:{server.port}/")


@pytest.fixture(scope="module")
def migrated(server: EmbeddedPostgres, secrets: Path) -> str:
    """The URL of a service's database, which an earlier release had made and its owner has migrated now."""
    database, password = SERVICE.database, (secrets / "postgres" / SERVICE.database).read_text()
    for statement in (
        f"CREATE ROLE {database} LOGIN PASSWORD '{password}'",
        f"CREATE DATABASE {database} OWNER {database}",
    ):
        run(bin_folder() / "psql", "--quiet", "--command", statement, server.dsn("postgres"))
    for _ in range(2):
        make_databases(server, secrets)
    service = url(server, secrets, SERVICE.name)
    run(
        *(sys.executable, "-P", "-m", SERVICE.package, "migrate"),
        RECOBRO_DATABASE_URL=service,
        RECOBRO_OWNER_DATABASE_URL=url(server, secrets, f"{SERVICE.name}-owner"),
        RECOBRO_KAFKA_BOOTSTRAP="127.0.0.1:1",
        RECOBRO_JWT_PUBLIC_KEY_FILE=str(secrets / "jwks" / "jwks.json"),
    )
    return service


async def test_a_service_reads_and_writes_rows_but_owns_nothing(migrated: str) -> None:
    connection = await asyncpg.connect(migrated)
    try:
        assert await connection.fetchval("SELECT current_user") == SERVICE.role
        await connection.execute("UPDATE contract SET name = name; CREATE TEMPORARY TABLE mine (n int)")
        for table in ("audit_entry", "audit_seal", "audit_pruned"):
            assert await connection.fetch(f"SELECT * FROM {table}") == []
        for refused in (
            "DROP TABLE contract",
            "CREATE TABLE mine2 (n int)",
            "UPDATE audit_entry SET status = 200",
            "DELETE FROM audit_entry",
            "TRUNCATE audit_entry",
            "UPDATE audit_seal SET seal_id = 0",
            "DELETE FROM audit_seal",
            "INSERT INTO audit_pruned DEFAULT VALUES",
            "UPDATE audit_pruned SET seal_id = 0",
            "DELETE FROM audit_pruned",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(refused)
    finally:
        await connection.close()


async def test_a_service_becomes_the_agencies_role_and_does_not_inherit_it(migrated: str) -> None:
    connection = await asyncpg.connect(migrated)
    try:
        assert await connection.fetchval("SELECT pg_has_role($1, 'USAGE')", AGENCY_ROLE) is False
        await connection.execute(f"SET ROLE {AGENCY_ROLE}")
        assert await connection.fetch("SELECT * FROM visit") == []
    finally:
        await connection.close()


async def test_a_service_enters_no_other_database(migrated: str) -> None:
    for other in ("portfolio", "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(migrated.rpartition("/")[0] + f"/{other}")


@pytest.mark.usefixtures("migrated")
async def test_every_url_is_valid_and_names_its_role(server: EmbeddedPostgres, secrets: Path) -> None:
    for service in SERVICES:
        for volume, role in ((service.name, service.role), (f"{service.name}-owner", service.database)):
            connection = await asyncpg.connect(url(server, secrets, volume))
            [found] = await connection.fetch("SELECT current_user, current_database()")
            await connection.close()
            assert tuple(found) == (role, service.database)
        operations = (secrets / "operations" / f"{service.name}-database-url").read_text()
        assert operations == (secrets / service.name / "database-url").read_text()
