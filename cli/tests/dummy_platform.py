"""``recobro up`` with dummy services: ``dummy_platform.py DATA PORT_BASE``."""

import sys
from pathlib import Path

from recobro.data import DataFolder, PlatformState
from recobro.embedded import Platform, stop_on_signals
from recobro.errors import Trouble
from recobro_platform import SERVICES, Service

DUMMIES = tuple(service for service in SERVICES if service.name in ("portfolio", "dialer-feed"))


def dummy_command(service: Service) -> tuple[str, ...]:
    return (sys.executable, str(Path(__file__).with_name("dummy_service.py")), str(service.port_offset))


def print_line(text: str) -> None:
    print(text, flush=True)


def ready(state: PlatformState) -> None:
    print_line(f"ready: {len(state.services)} services")


if __name__ == "__main__":
    platform = Platform(
        DataFolder(Path(sys.argv[1])),
        int(sys.argv[2]),
        None,
        announce=print_line,
        on_ready=ready,
        on_stopping=lambda: print_line("stopping"),
        services=DUMMIES,
        command=dummy_command,
    )
    try:
        platform.run(stop_on_signals())
    except Trouble as trouble:
        sys.exit(str(trouble))
