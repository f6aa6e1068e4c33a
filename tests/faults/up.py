"""``recobro up`` for the rig: python -m faults.up DATA PORT_BASE [--proxy PORT] [--split SERVICE ...].

With ``--proxy``, the services connect to PostgreSQL through that port. The services of ``--split`` have two processes
of each role instead of one process that does everything.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from recobro.data import DataFolder
from recobro.embedded import Platform, stop_on_signals
from recobro.services import command_of
from recobro.session import free_port_base
from recobro.supervisor import Program
from recobro_platform import SERVICES, Service

ROLES = ("api", "relay", "consumer")
_MIGRATE_SECONDS = 60


class RiggedPlatform(Platform):
    """A platform whose services connect to PostgreSQL through a proxy's port. Some services are split by roles."""

    proxy_port: int | None = None
    split: Sequence[str] = ()
    # Port bases of processes that may not listen yet.
    _port_bases: ClassVar[set[int]] = set()

    def _environment(self, service: Service) -> dict[str, str]:
        environment = super()._environment(service)
        if self.proxy_port is not None:
            for name in {"RECOBRO_DATABASE_URL", "RECOBRO_LOG_URL"} & set(environment):
                environment[name] = environment[name].replace(f":{self._postgres.port}/", f":{self.proxy_port}/")
        return environment

    def _programs(self) -> list[Program]:
        whole = [program for program in super()._programs() if program.name not in self.split]
        return whole + [p for service in SERVICES if service.name in self.split for p in self._split(service)]

    def _split(self, service: Service) -> list[Program]:
        environment = self._environment(service)
        # Two processes cannot share an instance name, and a process that leaves its group politely needs none.
        del environment["RECOBRO_INSTANCE"]
        subprocess.run([*command_of(service), "migrate"], env=environment, check=True, timeout=_MIGRATE_SECONDS)
        # The first process has the service's usual port.
        programs = [Program(service.name, (*command_of(service), "api"), environment)]
        for role in ROLES:
            for n in (1, 2):
                if (role, n) != ("api", 1):
                    elsewhere = {**environment, "RECOBRO_PORT_BASE": str(self._another_port_base())}
                    programs.append(Program(f"{service.name}-{role}-{n}", (*command_of(service), role), elsewhere))
        return programs

    def _another_port_base(self) -> int:
        while (base := free_port_base()) in self._port_bases:
            pass
        self._port_bases.add(base)
        return base


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("port_base", type=int)
    parser.add_argument("--proxy", type=int)
    parser.add_argument("--split", nargs="+", default=[])
    options = parser.parse_args()
    platform = RiggedPlatform(
        DataFolder(options.data),
        options.port_base,
        os.environ.get("RECOBRO_KAFKA_BOOTSTRAP") or None,
        announce=lambda text: print(text, file=sys.stderr, flush=True),
        on_ready=lambda _state: None,
        on_stopping=lambda: None,
    )
    platform.proxy_port, platform.split = options.proxy, options.split
    platform.run(stop_on_signals())


if __name__ == "__main__":
    main()
