"""Takes one control out of a service. Python runs this first in every process with this folder on its path.

``RECOBRO_SABOTAGE`` names the control. `make attack` has to find each of them missing.
"""

import os
import time
from typing import Any


def no_row_security() -> None:
    """Run agencies' requests with the service's rights, and let every query forget the agency."""
    from chassis import routes
    from chassis.auth import Guard

    def admit(self: Any, principal: Any) -> None:
        """Everybody."""

    settings_of = routes._settings_of
    Guard.admit = admit  # type: ignore[method-assign]
    routes._settings_of = lambda plan, request: {
        name: value for name, value in settings_of(plan, request).items() if name == "app.actor"
    }


def no_signature() -> None:
    """Believe what a token says without looking at its signature."""
    import base64
    import json

    from chassis.principals import Principal
    from chassis.trust.verifier import TokenVerifier

    async def principal(_self: Any, authorization: list[str]) -> Principal:
        payload = authorization[0].partition(" ")[2].split(".")[1]
        return Principal.of(json.loads(base64.urlsafe_b64decode(payload + "==")))

    TokenVerifier.principal = principal  # type: ignore[assignment,method-assign]


def slow_depth_check() -> None:
    """Look for the depth of JSON in quadratic time."""
    from chassis import bodies

    parse = bodies.parse_json

    def parse_slowly(body: bytes) -> Any:
        time.sleep((len(body) / 8192) ** 2)
        return parse(body)

    bodies.parse_json = parse_slowly


def no_time_limit() -> None:
    """Wait for ever for requests that do not arrive."""
    from chassis.connections import ConnectionLimits
    from chassis.settings import Settings

    for_ever = ConnectionLimits(head_seconds=86_400, body_window_seconds=86_400)
    Settings.connection_limits = property(lambda _self: for_ever)  # type: ignore[assignment,method-assign]


def personal_data_in_logs() -> None:
    """Log the bodies of requests."""
    import sys

    from chassis.bodies import ServiceRequest

    read = ServiceRequest.read

    async def read_and_log(self: Any, *arguments: Any, **named: Any) -> None:
        await read(self, *arguments, **named)
        print(await self.body(), file=sys.stderr, flush=True)

    ServiceRequest.read = read_and_log  # type: ignore[method-assign]


DEFECTS = {
    "no-row-security": no_row_security,
    "no-signature": no_signature,
    "slow-depth-check": slow_depth_check,
    "no-time-limit": no_time_limit,
    "personal-data-in-logs": personal_data_in_logs,
}
if defect := os.environ.get("RECOBRO_SABOTAGE"):
    try:
        import chassis  # noqa: F401
    except ImportError:
        pass
    else:
        DEFECTS[defect]()
