"""Creates missing secrets in the given folder: passwords, addresses that contain them, signing keys.

Every folder inside is the volume of its only readers, so any user may read its files.
"""

import json
import secrets
import sys
from pathlib import Path

from chassis.tokens import generate_key, jwks, load_private_key
from recobro_platform import PROGRAMS, SERVICES, Service


def write(file: Path, text: str) -> None:
    """Write the file atomically."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.write_text(text)
    fresh.chmod(0o444)
    fresh.replace(file)


def password(file: Path) -> str:
    """Return the password in the file, which is created if it is missing. A password needs no quoting in an address."""
    if not file.exists():
        write(file, secrets.token_urlsafe(32))
    return file.read_text()


def database_url(root: Path, service: Service, role: str) -> str:
    """Return the address of the service's database for the role."""
    return f"postgresql://{role}:{password(root / 'postgres' / role)}@postgres:5432/{service.database}"


def make(root: Path) -> None:
    """Create every missing secret. The job `databases` gives the passwords to PostgreSQL's roles."""
    password(root / "grafana" / "admin-password")
    password(root / "postgres" / "superuser")
    for service in PROGRAMS:
        url = database_url(root, service, service.role)
        write(root / service.name / "database-url", url)
        if service in SERVICES:
            write(root / "operations" / f"{service.name}-database-url", url)
        write(root / f"{service.name}-owner" / "database-url", database_url(root, service, service.database))
    private = root / "keys" / "private.json"
    if not private.exists():
        write(private, json.dumps(generate_key().as_dict(private=True)))
    write(root / "jwks" / "jwks.json", jwks(load_private_key(private)))
    denied = root / "denied" / "denied"
    denied.touch()
    # `recobro token revoke` adds to it. Only its container mounts the volume to write.
    denied.chmod(0o666)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
