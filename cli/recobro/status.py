"""The status of a data folder: its processes and their readiness."""

import time
from dataclasses import dataclass
from typing import Any

from recobro_platform import SERVICES

from recobro.data import DataFolder, PlatformState
from recobro.embedded import why_not_ready
from recobro.postgres import EmbeddedPostgres

_ASK_EVERY_SECONDS = 0.2


@dataclass(frozen=True)
class ServiceStatus:
    name: str
    url: str | None
    pid: int | None
    ready: bool


@dataclass(frozen=True)
class PlatformStatus:
    """The status of a platform at one moment. If none runs, everything is null or not ready."""

    services: tuple[ServiceStatus, ...]
    postgres_pid: int | None
    postgres_dsn: str | None
    transport: str

    @property
    def running(self) -> bool:
        return self.postgres_dsn is not None

    @property
    def ready(self) -> bool:
        return all(service.ready for service in self.services)

    def as_json(self) -> dict[str, Any]:
        return {
            "services": [
                {
                    "name": service.name,
                    "pids": [] if service.pid is None else [service.pid],
                    "url": service.url,
                    "ready": service.ready,
                }
                for service in self.services
            ],
            "postgres": {"pid": self.postgres_pid, "dsn": self.postgres_dsn},
            "transport": self.transport,
        }


def look(data: DataFolder) -> PlatformStatus:
    """Return the present status."""
    state = data.running()
    if state is None:
        return _nothing(data.state())
    services = tuple(
        ServiceStatus(
            service.name,
            service.url,
            service.process.pid if service.process is not None and service.process.find() else None,
            why_not_ready(service.url) is None,
        )
        for service in state.services
    )
    dsn = EmbeddedPostgres(data.postgres, state.postgres_port).dsn("postgres")
    return PlatformStatus(services, state.postgres_pid, dsn, state.transport)


def wait(data: DataFolder, seconds: float) -> PlatformStatus:
    """Return the status as soon as everything is ready, or after ``seconds``."""
    deadline = time.monotonic() + seconds
    status = look(data)
    while not status.ready and time.monotonic() < deadline:
        time.sleep(_ASK_EVERY_SECONDS)
        status = look(data)
    return status


def _nothing(last: PlatformState | None) -> PlatformStatus:
    services = tuple(ServiceStatus(service.name, None, None, ready=False) for service in SERVICES)
    return PlatformStatus(services, None, None, last.transport if last else "postgres")
