"""The platform: its version, its services, their ports and databases, and the longest chain of facts between them.

This is the one place that names them all. Code reads this module. Tests check Docker Compose, the Kubernetes manifests
and `pyproject.toml` against it. It imports only the standard library, so a check can read it without an environment.
"""

from dataclasses import dataclass

VERSION = "0.1.0"
"""The version of every distribution and image. The build reads this line without running it: keep it a literal."""

DEFAULT_PORT_BASE = 8000
"""On one machine each service listens on the port base plus its own offset."""


@dataclass(frozen=True)
class Service:
    """One service: its name, the package of its program, and its port's offset from the port base."""

    name: str
    package: str
    port_offset: int

    @property
    def database(self) -> str:
        """The name of the service's database."""
        return self.package

    @property
    def role(self) -> str:
        """The PostgreSQL role that the service works as. It owns no table."""
        return f"{self.package}_service"

    @property
    def port(self) -> int:
        """The port of the service, unless it is configured otherwise."""
        return DEFAULT_PORT_BASE + self.port_offset


SERVICES = (
    Service("portfolio", "portfolio", 1),
    Service("assignment", "assignment", 2),
    Service("dialer-feed", "dialer_feed", 3),
    Service("field-visits", "field_visits", 4),
    Service("promises", "promises", 5),
)
"""Every service whose events and barriers the others apply."""

CONSOLE = Service("console", "recobro_console", 0)
"""The browser's console. It reads the services' events and publishes none, and no service waits for it."""

PROGRAMS = (*SERVICES, CONSOLE)
"""Everything that has a process and a database of its own."""

_BY_NAME = {service.name: service for service in SERVICES}


def service_named(name: str) -> Service:
    """Return the service of that name. Raises ``KeyError`` if there is none."""
    return _BY_NAME[name]


SERVICE_NAMES = tuple(service.name for service in SERVICES)

SCOPES = tuple(f"{name}:{right}" for name in SERVICE_NAMES for right in ("read", "write"))
"""Every scope that a token may carry."""

AGENCY_ROLE = "recobro_agency"
"""The PostgreSQL role of an agency's request. It reads that agency's rows alone, and every service may become it."""

LONGEST_CHAIN = ("field-visits", "portfolio", "assignment", "dialer-feed", "assignment")
"""The longest chain of facts. Each service applies events of the one before it, and all but the last then publish.

A dispute at the door restages the contract. The new stage moves its placement, the move takes it off a list, and
assignment passes the withdrawal to the agency. A test derives from the code that no chain is longer.
"""

BARRIER_ROUNDS = len(LONGEST_CHAIN) - 1
"""The number of rounds in which a barrier waits for all consequences of a fact along the longest chain."""
