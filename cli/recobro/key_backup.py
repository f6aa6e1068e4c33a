"""The keys of the embedded platform inside a backup, encrypted with a password.

A backup lies on other disks than the platform, and anybody with the signing key can make any token. So the keys are in
a backup only if there is a password, which the person keeps elsewhere. The list of revoked tokens belongs to the keys:
without it a restored key would make them valid again.
"""

import json
import os
import warnings
from pathlib import Path

import typer
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from recobro.data import DataFolder
from recobro.environment import secret
from recobro.errors import Trouble
from recobro.keys import deny_file, private_file, public_file
from recobro.language import tr
from recobro.terminal import err

VARIABLE = "RECOBRO_BACKUP_PASSWORD"
SHORTEST_PASSWORD = 14
_FILE = "keys.jwe"
_ALGORITHMS = ["PBES2-HS512+A256KW", "A256GCM"]
# OWASP's recommendation for PBKDF2 with SHA-512 is 210,000.
_ITERATIONS = 300_000
_PRIVATE, _PUBLIC, _DENIED = "private.json", "jwks.json", "denied"


def given_password() -> str | None:
    """Return the password of the environment. Raises ``Trouble`` if it is too short to protect a file."""
    password = secret(VARIABLE)
    if password is not None and len(password) < SHORTEST_PASSWORD:
        raise Trouble(
            tr(
                "{variable}: the password must have at least {shortest_password} characters.",
                variable=VARIABLE,
                shortest_password=SHORTEST_PASSWORD,
            )
        )
    return password


def save(data: DataFolder, target: Path, password: str) -> None:
    """Write the keys and the list of revoked tokens to the backup, encrypted."""
    files = {_PRIVATE: private_file(data), _PUBLIC: public_file(data), _DENIED: deny_file(data)}
    content = json.dumps({name: file.read_text() for name, file in files.items() if file.is_file()})
    header = {"alg": _ALGORITHMS[0], "enc": _ALGORITHMS[1], "p2c": _ITERATIONS}
    sealed = jwe.encrypt_compact(header, content.encode(), _key(password), algorithms=_ALGORITHMS)
    _write(target / _FILE, sealed)


def opened(source: Path, data: DataFolder) -> dict[str, str] | None:
    """Return the keys of the backup, or None if it has none, or if ``data`` has keys: these stay.

    Keys that were replaced since the backup must not come back. Without a password in the environment a person is
    asked. Raises ``Trouble`` for a wrong password, and if nobody can be asked.
    """
    if not has_keys(source) or private_file(data).exists():
        return None
    return _decrypted(source / _FILE, given_password() or _asked())


def has_keys(source: Path) -> bool:
    return (source / _FILE).is_file()


def put_back(files: dict[str, str], data: DataFolder) -> None:
    """Write the keys of a backup to a folder that has none."""
    data.keys.mkdir(parents=True, exist_ok=True)
    _write(private_file(data), files[_PRIVATE])
    public_file(data).write_text(files[_PUBLIC])
    _write(deny_file(data), files.get(_DENIED, ""))


def _asked() -> str:
    if not err.is_terminal:
        raise Trouble(
            tr(
                "The keys of this backup are encrypted. Set {variable} or {variable}_FILE to its password, "
                "or restore with --without-keys: the platform then makes new keys, and no token from "
                "before is valid.",
                variable=VARIABLE,
            )
        )
    answer: str = typer.prompt(tr("Password of the keys in this backup"), hide_input=True, err=True)
    return answer


def _decrypted(file: Path, password: str) -> dict[str, str]:
    sealed = file.read_text(errors="replace")
    try:
        content = jwe.decrypt_compact(sealed, _key(password), algorithms=_ALGORITHMS).plaintext
    except (JoseError, ValueError) as error:
        raise Trouble(
            tr(
                "The password does not open {file}, or the file is damaged. Nothing was restored. Without "
                "the password, restore with --without-keys.",
                file=file,
            )
        ) from error
    files: dict[str, str] = json.loads(content or b"")
    return files


def _key(password: str) -> OctKey:
    with warnings.catch_warnings():
        # The password is not the key. The key is derived from it.
        warnings.simplefilter("ignore")
        return OctKey.import_key(password)


def _write(file: Path, content: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as written:
        written.write(content)
