"""How to start a service on this machine, and the address of each service."""

import sys
from urllib.parse import urlsplit

from recobro_platform import DEFAULT_PORT_BASE, SERVICES, Service

from recobro.errors import Trouble
from recobro.language import tr

HOST = "127.0.0.1"
_PLACE = "{service}"
_PORT_PLACE = "{port}"


def command_of(service: Service) -> tuple[str, ...]:
    """Return the command that starts the service."""
    # -P: no module that lies in the current folder may pass for a service.
    return (sys.executable, "-P", "-m", service.package)


def url_of(service: Service, port_base: int) -> str:
    """Return the service's address on this machine."""
    return f"http://{HOST}:{port_base + service.port_offset}"


def addresses_at(base: str) -> dict[str, str]:
    """Return the address of each service.

    ``base`` carries the port base, as in http://127.0.0.1:8000, or a placeholder for the service's name, as in
    https://{service}.recobro.example. In the latter, {port} stands for the service's usual port.
    """
    if "{" in base or "}" in base:
        return _addresses_by_name(base)
    scheme, host, port = _parts(
        base, tr("{base} is not an address such as {example}.", base=base, example=f"http://{HOST}:{DEFAULT_PORT_BASE}")
    )
    return {
        service.name: f"{scheme}://{host}:{(port or DEFAULT_PORT_BASE) + service.port_offset}" for service in SERVICES
    }


def _addresses_by_name(template: str) -> dict[str, str]:
    wrong = tr(
        "{template} is not a template such as {example}: {place} stands for the service.",
        template=template,
        example=f"https://{_PLACE}.recobro.example",
        place=_PLACE,
    )
    found = {
        service.name: template.replace(_PLACE, service.name).replace(_PORT_PLACE, str(service.port)).rstrip("/")
        for service in SERVICES
    }
    for address in found.values():
        _parts(address, wrong)
        if _PLACE not in template or any(sign in address for sign in "{}?#"):
            raise Trouble(wrong)
    return found


def _parts(address: str, wrong: str) -> tuple[str, str, int | None]:
    """Split into scheme, host and port. Raises ``Trouble`` with the sentence ``wrong`` if it is not an HTTP address."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise Trouble(wrong) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Trouble(wrong)
    return parts.scheme, f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname, port
