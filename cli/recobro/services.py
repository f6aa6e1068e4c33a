"""Which services there are, and where each listens: its port is the port base plus its number."""

import sys
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from recobro.errors import Trouble

DEFAULT_PORT_BASE = 8000
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Service:
    """One service: its name, the package that is its program, its database, and its place after the port base."""

    name: str
    package: str
    port_offset: int

    @property
    def database(self) -> str:
        return self.package

    @property
    def command(self) -> tuple[str, ...]:
        # -P: nothing that happens to lie in the current folder may pass for a service.
        return (sys.executable, "-P", "-m", self.package)

    def url(self, port_base: int) -> str:
        return f"http://{HOST}:{port_base + self.port_offset}"


SERVICES = (
    Service("portfolio", "portfolio", 1),
    Service("assignment", "assignment", 2),
    Service("dialer-feed", "dialer_feed", 3),
    Service("field-visits", "field_visits", 4),
    Service("promises", "promises", 5),
)
SCOPES = tuple(f"{service.name}:{right}" for service in SERVICES for right in ("read", "write"))


def addresses_at(base: str) -> dict[str, str]:
    """Where each service listens when ``base`` carries the port base, as in http://127.0.0.1:8000."""
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        raise Trouble(f"{base} is not an address such as http://{HOST}:{DEFAULT_PORT_BASE}.")
    port = parts.port or DEFAULT_PORT_BASE
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return {
        service.name: urlunsplit((parts.scheme, f"{host}:{port + service.port_offset}", "", "", ""))
        for service in SERVICES
    }
