"""The platform: its version, its services, their ports and databases, and the longest chain of facts between them.

This is the one place that names them all. Code reads it; Docker Compose, the Kubernetes manifests and `pyproject.toml`
are checked against it. It imports the standard library alone, so that a check can read it without an environment.
"""

from dataclasses import dataclass

VERSION = "0.1.0"
"""The version of every distribution and image. The build reads this line without running it, so it stays a literal."""

DEFAULT_PORT_BASE = 8000
"""On one machine each service listens at the port base plus its own offset."""


@dataclass(frozen=True)
class Service:
    """One service: its name, the package that is its program, and its port's offset from the port base."""

    name: str
    package: str
    port_offset: int

    @property
    def database(self) -> str:
        """The name of its database."""
        return self.package

    @property
    def port(self) -> int:
        """Where it listens unless it is configured otherwise."""
        return DEFAULT_PORT_BASE + self.port_offset


SERVICES = (
    Service("portfolio", "portfolio", 1),
    Service("assignment", "assignment", 2),
    Service("dialer-feed", "dialer_feed", 3),
    Service("field-visits", "field_visits", 4),
    Service("promises", "promises", 5),
)
"""Every service whose facts and barriers the others hear."""

_BY_NAME = {service.name: service for service in SERVICES}


def service_named(name: str) -> Service:
    """The service of that name; ``KeyError`` when there is none."""
    return _BY_NAME[name]


SERVICE_NAMES = tuple(service.name for service in SERVICES)

SCOPES = tuple(f"{name}:{right}" for name in SERVICE_NAMES for right in ("read", "write"))
"""Every scope that a token may carry."""

LONGEST_CHAIN = ("field-visits", "portfolio", "assignment", "dialer-feed", "assignment")
"""The longest chain of facts: each service hears the one before it, and all but the last publish because of that.

A dispute at the door restages the contract, which moves its placement, which takes it off a list, which assignment
tells its agency. A test derives from the code that none is longer.
"""

BARRIER_ROUNDS = len(LONGEST_CHAIN) - 1
"""The rounds of a barrier that waits for everything that an acknowledged fact becomes along the longest chain."""
