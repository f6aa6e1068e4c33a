"""A platform that runs, seen as its operator sees it."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        status = self.status()
        found = {service["name"]: service["pids"][0] for service in status["services"] if service["pids"]}
        return {**found, "postgres": status["postgres"]["pid"]}

    def dsn(self, database: str) -> str:
        base: str = self.status()["postgres"]["dsn"]
        return f"{base.rsplit('/', 1)[0]}/{database}"

    def client(self) -> Client:
        return connect(DataFolder(self.data), None)
