"""A service's process: reads the command line and the settings, then runs the service until its end."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NoReturn, TypeVar

from fastapi import FastAPI
from recobro_events import Consumer, Database, Runtime, Source

from chassis.migrations import role_exists, role_of, standing_of, upgrade
from chassis.server import serve
from chassis.settings import Settings, transport_from

S = TypeVar("S", bound=Settings)
WRONG_USE, BEHIND = 2, 3
"""Exit codes for a wrong command line or setting, and for a database that is behind this release."""


class Role(StrEnum):
    """The work of one process of a service. Any number of processes may run in each role."""

    ALL = "all"
    API = "api"
    RELAY = "relay"
    CONSUMER = "consumer"

    @property
    def serves(self) -> bool:
        """Whether the process has the REST interface."""
        return self in (Role.ALL, Role.API)

    @property
    def relays(self) -> bool:
        """Whether the process moves events from the outbox to the log."""
        return self in (Role.ALL, Role.RELAY)

    @property
    def consumes(self) -> bool:
        """Whether the process applies other services' events and does background work."""
        return self in (Role.ALL, Role.CONSUMER)


@dataclass(frozen=True)
class Program(Generic[S]):
    """A service as a program: ``python -m <package> [all|api|relay|consumer|migrate]``.

    ``build`` makes the app of a role. The fields from ``consumer`` to ``on_barrier`` are passed to its ``Runtime``.
    In the role ``all`` the process migrates its database first. In the other roles it ends with exit code 3 if
    ``migrate`` has not been run. A database of a newer release is used as it is.
    """

    service: str
    migrations: str
    settings: type[S]
    build: Callable[[S, Database, Runtime, Role], FastAPI]
    consumer: Consumer
    source: Source | None = None
    agencies: bool = False
    on_barrier: Callable[[], None] | None = None

    def run(self) -> None:
        """Run the command of the command line, until SIGTERM or SIGINT."""
        asked = sys.argv[1:] or [Role.ALL.value]
        commands = [*Role, "migrate"]
        if len(asked) != 1 or asked[0] not in commands:
            _end(f"{self.service} takes one of: {', '.join(commands)}.", WRONG_USE)
        settings = self.settings.load(self.service)
        if asked[0] in (Role.ALL, "migrate"):
            self._migrate(settings)
        elif standing_of(settings.database_url, self.migrations).is_behind:
            _end(f"The database of {self.service} is behind this release: run its command `migrate` first.", BEHIND)
        if asked[0] == "migrate":
            print(f"The database of {self.service} is up to date.")
            return
        serve(self._app(settings, Role(asked[0])), settings.host, settings.port)

    def _migrate(self, settings: S) -> None:
        owner, role = settings.owner_database_url, role_of(settings.database_url)
        if owner is not None and role is not None and not role_exists(owner, role):
            # Without its rights the service would not work, and nothing would grant them before the next migration.
            _end(f"The role {role} of {self.service} does not exist. Create it, then migrate again.", BEHIND)
        upgrade(owner or settings.database_url, self.migrations, role)

    def _app(self, settings: S, role: Role) -> FastAPI:
        database = Database(settings.database_url)
        runtime = Runtime(
            self.service,
            database,
            transport_from(settings),
            self.consumer,
            on_barrier=self.on_barrier,
            agencies=self.agencies,
            source=self.source,
            relays=role.relays,
            consumes=role.consumes,
        )
        return self.build(settings, database, runtime, role)


def _end(sentence: str, code: int) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise SystemExit(code)
