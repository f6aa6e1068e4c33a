"""The targets of the operations commands: the services' databases and the log, of a local or a remote platform."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import structlog
from recobro_events import Database, Transport, TransportError
from recobro_platform import SERVICES, Service

from recobro.data import DataFolder, PlatformState
from recobro.environment import secret
from recobro.errors import Trouble
from recobro.language import tr
from recobro.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from recobro.log_settings import LogSettings

_CONNECT_SECONDS = 10.0
DATABASE_TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError)
"""The errors of a database that does not answer, refuses or has a wrong schema. A wrong address is a ValueError."""

T = TypeVar("T")


@dataclass(frozen=True)
class Targets:
    """The databases to look at, by service: all of a platform's or some. ``platform`` is set if it runs here."""

    databases: Mapping[Service, str] = field(repr=False)
    platform: PlatformState | None = None
    log_url: str | None = field(default=None, repr=False)

    def log_settings(self) -> "LogSettings":
        """Return the settings that reach the log. Raises ``Trouble`` if they are invalid."""
        from recobro.log_settings import LogSettings, load, of_platform

        if self.platform is None:
            return load(LogSettings)
        return of_platform(self.log_url, self.platform.kafka_bootstrap)

    @asynccontextmanager
    async def log(self, *, create_topics: bool = False, partitions: int | None = None) -> AsyncIterator[Transport]:
        """Open the log for the block. An error of the log inside the block is raised as ``Trouble``."""
        from chassis import transport_from

        settings = self.log_settings()
        wanted = {"create_topics": create_topics, "partitions": partitions or settings.partitions, "instance": None}
        try:
            transport = transport_from(settings.model_copy(update=wanted))
            try:
                await transport.open()
                yield transport
            finally:
                await transport.close()
        except (TransportError, asyncpg.PostgresError, OSError) as error:
            raise Trouble(
                tr("The event log does not answer: {error}", error=str(error) or type(error).__name__)
            ) from error


class DatabaseTrouble(Trouble):
    """A service's database does not answer, refuses or has a wrong schema. ``why`` ends a sentence about it."""

    def __init__(self, service: Service, why: str) -> None:
        self.why = why
        super().__init__(tr("The database of {service} {why}", service=service.name, why=why))


def find(data: DataFolder) -> Targets:
    """Return the databases that the environment names, else those of the platform that runs on the data folder.

    This also silences the logs of the runtime and its clients, so that only the command prints.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL + 1)
    named = {service: dsn for service in SERVICES if (dsn := secret(variable_of(service)))}
    if named:
        return Targets(named)
    state = data.running()
    if state is None:
        raise Trouble(
            tr(
                "No platform is running on {root}, and no database is named. Start one with\n  recobro up "
                "--data {root}\nor set {variable} and the others (or each with _FILE).",
                root=data.root,
                variable=variable_of(SERVICES[0]),
            )
        )
    server = EmbeddedPostgres(data.postgres, state.postgres_port)
    running = {service.name for service in state.services}
    databases = {service: server.dsn(service.database) for service in SERVICES if service.name in running}
    return Targets(databases, state, None if state.kafka_bootstrap else server.dsn("log"))


def variable_of(service: Service) -> str:
    """Return the environment variable that names the service's database."""
    return f"RECOBRO_{service.package.upper()}_DATABASE_URL"


@asynccontextmanager
async def connected(service: Service, dsn: str) -> AsyncIterator[Any]:
    """Open a session on the service's database like the service's own. An error in the block becomes ``Trouble``."""
    database = Database(dsn, max_connections=1, acquire_timeout_seconds=_CONNECT_SECONDS)
    try:
        try:
            await database.open()
            async with database.connection() as connection:
                yield connection
        finally:
            await database.close()
    except DATABASE_TROUBLE as error:
        raise DatabaseTrouble(service, why(error, dsn)) from error


def why(error: Exception, dsn: str) -> str:
    """Return what is wrong with a database, as the end of a sentence. It shows only the host of the secret address."""
    if isinstance(error, asyncpg.UndefinedTableError):
        return tr("is not migrated. Bring it up to date with: recobro migrate")
    if isinstance(error, asyncpg.PostgresError):
        return tr("refuses: {error}.", error=str(error).splitlines()[0])
    if isinstance(error, TimeoutError):
        return tr("does not answer in time.")
    if isinstance(error, OSError):
        return tr(
            "does not answer at {host}: {error}.",
            host=urlsplit(dsn).hostname,
            error=error.strerror or type(error).__name__,
        )
    return tr("cannot be used: its address is invalid ({error}).", error=type(error).__name__)


async def of_each(
    targets: Targets, look: Callable[[Service, Any], Awaitable[T]]
) -> tuple[dict[Service, T], list[Trouble]]:
    """Call ``look`` on each database. Returns what it finds, and the errors of databases that did not answer."""

    async def one(service: Service, dsn: str) -> T | Trouble:
        try:
            async with connected(service, dsn) as connection:
                return await look(service, connection)
        except Trouble as trouble:
            return trouble

    answers = await asyncio.gather(*(one(*target) for target in targets.databases.items()))
    found = {
        service: answer
        for service, answer in zip(targets.databases, answers, strict=True)
        if not isinstance(answer, Trouble)
    }
    return found, [answer for answer in answers if isinstance(answer, Trouble)]
