"""A platform that runs, seen as its operator sees it."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recobro import status
from recobro.client import Client, connect
from recobro.data import DataFolder

RECOBRO = str(Path(sys.executable).parent / "recobro")


@dataclass(frozen=True)
class Platform:
    data: Path

    def status(self, *, wait_seconds: int = 0) -> Any:
        command = [RECOBRO, "status", "--data", str(self.data), "--json", "--wait", str(wait_seconds)]
        return json.loads(subprocess.run(command, capture_output=True, timeout=wait_seconds + 30, check=False).stdout)

    def pids(self) -> dict[str, int]:
        now = status.look(DataFolder(self.data))
        found = {service.name: service.pid for service in now.services if service.pid is not None}
        assert now.postgres_pid is not None
        return {**found, "postgres": now.postgres_pid}

    def dsn(self, database: str) -> str:
        base = status.look(DataFolder(self.data)).postgres_dsn
        assert base is not None
        return f"{base.rsplit('/', 1)[0]}/{database}"

    def client(self) -> Client:
        return connect(DataFolder(self.data), None)
