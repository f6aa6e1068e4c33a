"""``recobro up``, with what stands between the services and PostgreSQL: python -m faults.up DATA PORT_BASE [PORT]."""

import os
import sys
from pathlib import Path

from recobro.data import DataFolder
from recobro.embedded import Platform, stop_on_signals
from recobro.services import Service


class RiggedPlatform(Platform):
    """A platform whose services reach PostgreSQL through a proxy's port, when there is one."""

    proxy_port: int | None = None

    def _environment(self, service: Service) -> dict[str, str]:
        environment = super()._environment(service)
        if self.proxy_port is not None:
            for name in {"RECOBRO_DATABASE_URL", "RECOBRO_LOG_URL"} & set(environment):
                environment[name] = environment[name].replace(f":{self._postgres.port}/", f":{self.proxy_port}/")
        return environment


def main(data: str, port_base: str, proxy_port: str | None = None) -> None:
    platform = RiggedPlatform(
        DataFolder(Path(data)),
        int(port_base),
        os.environ.get("RECOBRO_KAFKA_BOOTSTRAP") or None,
        announce=lambda text: print(text, file=sys.stderr, flush=True),
        on_ready=lambda _state: None,
        on_stopping=lambda: None,
    )
    platform.proxy_port = int(proxy_port) if proxy_port else None
    platform.run(stop_on_signals())


if __name__ == "__main__":
    main(*sys.argv[1:])
