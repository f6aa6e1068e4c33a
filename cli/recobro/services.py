"""Which services there are, and where each listens: its port is the port base plus its number."""

import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

from recobro.errors import Trouble

DEFAULT_PORT_BASE = 8000
HOST = "127.0.0.1"
_PLACE = "{service}"
_PORT_PLACE = "{port}"


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
    """Where each service listens.

    ``base`` carries the port base, as in http://127.0.0.1:8000, or has the place of the service's name, as in
    https://{service}.recobro.example; there {port} stands for its usual port.
    """
    if "{" in base or "}" in base:
        return _addresses_by_name(base)
    scheme, host, port = _parts(base, f"{base} is not an address such as http://{HOST}:{DEFAULT_PORT_BASE}.")
    return {
        service.name: f"{scheme}://{host}:{(port or DEFAULT_PORT_BASE) + service.port_offset}" for service in SERVICES
    }


def _addresses_by_name(template: str) -> dict[str, str]:
    wrong = f"{template} is not a template such as https://{_PLACE}.recobro.example: {_PLACE} stands for the service."
    found = {
        service.name: template.replace(_PLACE, service.name)
        .replace(_PORT_PLACE, str(DEFAULT_PORT_BASE + service.port_offset))
        .rstrip("/")
        for service in SERVICES
    }
    for address in found.values():
        _parts(address, wrong)
        if _PLACE not in template or any(sign in address for sign in "{}?#"):
            raise Trouble(wrong)
    return found


def _parts(address: str, wrong: str) -> tuple[str, str, int | None]:
    """Scheme, host and port; ``Trouble`` with that sentence when it is no address of HTTP."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise Trouble(wrong) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Trouble(wrong)
    return parts.scheme, f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname, port
