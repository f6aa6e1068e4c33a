"""Makes what is secret in the folder that is named, where it is missing: passwords, addresses with them, signing keys.

Every folder in it is the volume of who reads it, and nobody else sees that; so its files are readable by any user.
"""

import json
import secrets
import sys
from pathlib import Path

from chassis.tokens import generate_key, jwks, load_private_key
from recobro_platform import SERVICES


def write(file: Path, text: str) -> None:
    """The file is there whole or not at all."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.write_text(text)
    fresh.chmod(0o444)
    fresh.replace(file)


def password(file: Path) -> str:
    """The password that the file holds, made when there is none. It needs no quoting in an address."""
    if not file.exists():
        write(file, secrets.token_urlsafe(32))
    return file.read_text()


def make(root: Path) -> None:
    """Everything that is missing. The roles of PostgreSQL get their passwords when its volume is new, never again."""
    password(root / "grafana" / "admin-password")
    password(root / "postgres" / "superuser")
    for service in SERVICES:
        role = service.database
        url = f"postgresql://{role}:{password(root / 'postgres' / role)}@postgres:5432/{role}"
        write(root / service.name / "database-url", url)
        write(root / "operations" / f"{service.name}-database-url", url)
    private = root / "keys" / "private.json"
    if not private.exists():
        write(private, json.dumps(generate_key().as_dict(private=True)))
    write(root / "jwks" / "jwks.json", jwks(load_private_key(private)))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
