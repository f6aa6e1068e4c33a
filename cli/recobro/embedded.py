"""The embedded platform: PostgreSQL and one process per service on one data folder, supervised by this process."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
from recobro_platform import CONSOLE, PROGRAMS, Service

from recobro import database_roles, keys
from recobro.data import DataFolder, PlatformState, ServiceState, TransportName
from recobro.errors import Trouble
from recobro.language import tr
from recobro.postgres import EmbeddedPostgres, PostgresFailed, free_port, is_free
from recobro.processes import ProcessRecord, end
from recobro.services import HOST, command_of, url_of
from recobro.supervisor import Child, Program, Supervisor

_LOOK_EVERY_SECONDS = 0.1
_ASK_EVERY_SECONDS = 0.3
_PATIENCE_SECONDS = 20.0
_POSTGRES_BACKOFF_SECONDS = 2.0
_DEATHS_BEFORE_GIVING_UP = 5
_LEFTOVER_PATIENCE_SECONDS = 35.0
_LOGS: dict[TransportName, str] = {"kafka": "Kafka", "postgres": "the embedded log"}


class Platform:
    """Everything that ``recobro up`` runs on one data folder.

    Events go through the Kafka at ``kafka_bootstrap`` if it is given, else through a log in PostgreSQL. ``announce`` is
    called with each failure that is being repaired. ``on_ready`` is called once everything is ready.
    """

    def __init__(
        self,
        data: DataFolder,
        port_base: int,
        kafka_bootstrap: str | None,
        *,
        announce: Callable[[str], None],
        on_ready: Callable[[PlatformState], None],
        on_stopping: Callable[[], None],
        services: Sequence[Service] = PROGRAMS,
        command: Callable[[Service], tuple[str, ...]] = command_of,
    ) -> None:
        self._data = data
        self._port_base = port_base
        self._kafka_bootstrap = kafka_bootstrap
        self._announce = announce
        self._on_ready = on_ready
        self._on_stopping = on_stopping
        self._services = services
        self._command = command
        self._next_postgres_start_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Start everything and keep it running until ``stop`` is set. No process is left on return.

        Raises ``AlreadyRunning`` if the folder is held, and another ``Trouble`` if a port is taken or a program does
        not start. Once everything has been ready, a process that dies is restarted without limit.
        """
        # Files that we or the services create are for our user alone.
        os.umask(0o077)
        with self._data.locked(), ExitStack() as at_the_end:
            before = self._data.state()
            self._refuse_another_log(before)
            self._end_leftovers(before)
            self._refuse_taken_ports()
            keys.ensure(self._data)
            self._postgres = self._usable_postgres(before)
            at_the_end.callback(self._write_stopped_state)
            at_the_end.callback(self._postgres.stop)
            try:
                self._start_postgres(stop)
            except PostgresFailed as failure:
                if stop.is_set():
                    return
                raise Trouble(str(failure)) from failure
            self._supervisor = Supervisor(self._programs(), self._data.logs, self._announce)
            at_the_end.callback(self._supervisor.stop)
            self._bring_up(stop)
            while not stop.wait(_LOOK_EVERY_SECONDS):
                self._look_after_everything(stop)
            self._on_stopping()

    def _refuse_another_log(self, before: PlatformState | None) -> None:
        # Each service's position is stored in its database, and means nothing in another log.
        if before is not None and before.transport != self._transport:
            raise Trouble(
                tr(
                    "The events of {root} are in {value}, so the platform cannot continue with {value_2}. Use "
                    "another data folder for that.",
                    root=self._data.root,
                    value=_LOGS[before.transport],
                    value_2=_LOGS[self._transport],
                )
            )

    @property
    def _transport(self) -> TransportName:
        return "kafka" if self._kafka_bootstrap else "postgres"

    def _end_leftovers(self, before: PlatformState | None) -> None:
        records = [service.process for service in before.services if service.process] if before else []
        if found := [process for record in records if (process := record.find())]:
            self._announce(tr("Ending the processes that a killed platform has left running"))
            end(found, (signal.SIGTERM,), _LEFTOVER_PATIENCE_SECONDS)

    def _refuse_taken_ports(self) -> None:
        for service in self._services:
            port = self._port_base + service.port_offset
            if not is_free(port):
                raise Trouble(
                    tr(
                        "Port {port}, where {service} would listen, is taken by another program. Choose other "
                        "ports, for example with --port-base {value}.",
                        port=port,
                        service=service.name,
                        value=self._port_base + 1000,
                    )
                )

    def _usable_postgres(self, before: PlatformState | None) -> EmbeddedPostgres:
        """Return the folder's PostgreSQL, stopped, with its last port unless that port is taken."""
        port = before.postgres_port if before else free_port()
        EmbeddedPostgres(self._data.postgres, port).end_leftovers()
        return EmbeddedPostgres(self._data.postgres, port if is_free(port) else free_port())

    def _start_postgres(self, stop: threading.Event) -> None:
        self._postgres.start(give_up=stop.is_set)
        asyncio.run(database_roles.ensure(self._postgres, self._services))

    def _programs(self) -> list[Program]:
        return [Program(service.name, self._command(service), self._environment(service)) for service in self._services]

    def _environment(self, service: Service) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ("RECOBRO_LOG_URL", "RECOBRO_KAFKA_BOOTSTRAP", "RECOBRO_JWT_JWKS_URL")
        }
        log = (
            {"RECOBRO_KAFKA_BOOTSTRAP": self._kafka_bootstrap}
            if self._kafka_bootstrap
            else {"RECOBRO_LOG_URL": database_roles.dsn(self._postgres, database_roles.LOG, database_roles.LOG)}
        )
        return {
            **inherited,
            **log,
            "RECOBRO_DATABASE_URL": database_roles.dsn(self._postgres, service.database, service.role),
            "RECOBRO_OWNER_DATABASE_URL": self._postgres.dsn(service.database),
            # A restarted service gets its partitions back at once, though Kafka still waits for the dead member.
            "RECOBRO_INSTANCE": "embedded",
            "RECOBRO_HOST": HOST,
            "RECOBRO_PORT_BASE": str(self._port_base),
            "RECOBRO_JWT_PUBLIC_KEY_FILE": str(keys.public_file(self._data)),
            "RECOBRO_JWT_DENY_FILE": str(keys.deny_file(self._data)),
            "RECOBRO_JWT_ISSUER": keys.ISSUER,
            "RECOBRO_JWT_AUDIENCE": keys.AUDIENCE,
            "RECOBRO_PHOTOS_URL": (self._data.root / "photos").as_uri(),
            "RECOBRO_RECEIPTS_URL": (self._data.root / "receipts").as_uri(),
            **(self._of_console() if service == CONSOLE else {}),
            "PYTHONUNBUFFERED": "1",
        }

    def _of_console(self) -> dict[str, str]:
        return {
            "RECOBRO_CONSOLE_SIGNING_KEY_FILE": str(keys.private_file(self._data)),
            "RECOBRO_CONSOLE_BACKUPS_FILE": str(self._data.backups),
        }

    def _bring_up(self, stop: threading.Event) -> None:
        """Start the services and announce when all are ready. Raises ``Trouble`` if one keeps dying instead."""
        next_question_at, patient_until = 0.0, time.monotonic() + _PATIENCE_SECONDS
        while not stop.wait(_LOOK_EVERY_SECONDS):
            self._look_after_everything(stop)
            for child in self._supervisor.children:
                if child.deaths_in_a_row >= _DEATHS_BEFORE_GIVING_UP:
                    raise Trouble(_start_failure(child))
            if time.monotonic() < next_question_at:
                continue
            reasons = {service.name: why_not_ready(url_of(service, self._port_base)) for service in self._services}
            if not any(reasons.values()):
                self._on_ready(self._state())
                return
            if time.monotonic() > patient_until:
                patient_until = float("inf")
                for name, reason in reasons.items():
                    if reason:
                        self._announce(tr("Still waiting for {name}: {reason}", name=name, reason=reason))
            next_question_at = time.monotonic() + _ASK_EVERY_SECONDS

    def _look_after_everything(self, stop: threading.Event) -> None:
        changed = self._supervisor.step()
        if self._postgres.pid is None and time.monotonic() >= self._next_postgres_start_at:
            changed = True
            self._announce(tr("PostgreSQL has died; starting it again"))
            try:
                self._postgres.start(give_up=stop.is_set)
            except PostgresFailed as failure:
                self._next_postgres_start_at = time.monotonic() + _POSTGRES_BACKOFF_SECONDS
                self._announce(str(failure))
        if changed:
            self._data.write(self._state())

    def _state(self) -> PlatformState:
        running = {child.program.name: child.record for child in self._supervisor.children}
        return self._stopped_state().model_copy(
            update={
                "supervisor": ProcessRecord.of(os.getpid()),
                "postgres_pid": self._postgres.pid,
                "services": tuple(
                    ServiceState(
                        name=service.name,
                        url=url_of(service, self._port_base),
                        process=running[service.name],
                    )
                    for service in self._services
                ),
            }
        )

    def _stopped_state(self) -> PlatformState:
        return PlatformState(
            transport=self._transport,
            kafka_bootstrap=self._kafka_bootstrap,
            postgres_port=self._postgres.port,
            services=tuple(
                ServiceState(name=service.name, url=url_of(service, self._port_base)) for service in self._services
            ),
        )

    def _write_stopped_state(self) -> None:
        self._data.write(self._stopped_state())


def stop_on_signals() -> threading.Event:
    """Return an event that Ctrl-C, SIGTERM and the end of the terminal set. Call this in the main thread."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop


@dataclass(frozen=True)
class Readiness:
    """What a service reports: why it is not ready, or None, and what will stop it unless somebody acts."""

    reason: str | None
    warnings: tuple[str, ...] = ()


def readiness_of(url: str) -> Readiness:
    """Ask the service at ``url`` whether it is ready."""
    try:
        answer = httpx.get(f"{url}/readyz", timeout=2.0, verify=False, trust_env=False)
    except httpx.TransportError:
        return Readiness("the service does not answer")
    try:
        body = answer.json()
        if answer.status_code == httpx.codes.OK:
            return Readiness(None, tuple(map(str, body.get("warnings", ()))))
        return Readiness(str(body["detail"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Readiness(None if answer.status_code == httpx.codes.OK else f"the service answers {answer.status_code}")


def why_not_ready(url: str) -> str | None:
    """Return why the service at ``url`` is not ready, as the service reports it, or None if it is ready."""
    return readiness_of(url).reason


def _start_failure(child: Child) -> str:
    lines = child.log.read_text(errors="replace").strip().splitlines()[-8:] if child.log.exists() else []
    tail = "\n".join(f"  {line}" for line in lines)
    sentence = tr("{program} does not start. The end of its log, {log}:", program=child.program.name, log=child.log)
    return f"{sentence}\n{tail}"
