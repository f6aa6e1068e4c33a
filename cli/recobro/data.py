"""The data folder of an embedded platform: its lock, its state, its keys and logs."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from recobro.errors import Trouble
from recobro.language import tr
from recobro.processes import ProcessRecord

TransportName = Literal["postgres", "kafka"]


class ServiceState(BaseModel):
    """One service as the supervisor last saw it. ``process`` is null while the service is down."""

    model_config = ConfigDict(frozen=True)

    name: str
    url: str
    process: ProcessRecord | None = None


class PlatformState(BaseModel):
    """The processes that run on a data folder. ``supervisor`` is null after a clean stop."""

    model_config = ConfigDict(frozen=True)

    supervisor: ProcessRecord | None = None
    transport: TransportName = "postgres"
    kafka_bootstrap: str | None = None
    postgres_port: int
    postgres_pid: int | None = None
    services: tuple[ServiceState, ...] = ()


class AlreadyRunning(Trouble):
    """Another ``recobro up`` holds the data folder."""


class DataFolder:
    """The folder that holds everything of an embedded platform. Only the holder of ``lock`` writes its state."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.postgres = self.root / "postgres"
        self.keys = self.root / "keys"
        self.logs = self.root / "logs"
        self.backups = self.root / "backups.jsonl"
        self._state = self.root / "platform.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder exclusively. Raises ``AlreadyRunning`` if another process holds it.

        The lock of a dead process does not count.
        """
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            # Nobody else reads what is in it. If we are root, PostgreSQL's user must be able to pass.
            self.root.chmod(0o711 if os.getuid() == 0 else 0o700)
            self.logs.chmod(0o700)
        except OSError as error:
            raise Trouble(
                tr("Cannot use {root} for the data: {strerror}.", root=self.root, strerror=error.strerror)
            ) from error
        with (self.root / "lock").open("a+b") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning(self._already_running()) from None
            yield

    def state(self) -> PlatformState | None:
        """Return the last state that was written, or None if there is none that can be read."""
        try:
            return PlatformState.model_validate_json(self._state.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def running(self) -> PlatformState | None:
        """Return the state of the platform that runs on this folder now, or None."""
        state = self.state()
        return state if state and state.supervisor and state.supervisor.find() else None

    def write(self, state: PlatformState) -> None:
        """Replace the state atomically. Only the owner can read the file."""
        fresh = self._state.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(state.model_dump(mode="json"), file, indent=2)
        fresh.rename(self._state)

    def note_backup(self, made: str) -> None:
        """Add a line of JSON to the notes of backups, which the console reads."""
        with self.backups.open("a", encoding="utf-8") as notes:
            notes.write(made + "\n")

    def _already_running(self) -> str:
        state = self.running()
        process = f" ({state.supervisor.pid})" if state and state.supervisor else ""
        return tr("A platform is already running on {root}{process}.", root=self.root, process=process)
