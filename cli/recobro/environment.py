"""Secrets, read from an environment variable or from the file that the variable's ``_FILE`` form names."""

import os
from pathlib import Path

from recobro.errors import Trouble


def secret(variable: str) -> str | None:
    """Return the secret, or None if neither variable is set.

    Raises ``Trouble`` if both are set, or if the file is empty or cannot be read.
    """
    value, file = os.environ.get(variable) or None, os.environ.get(f"{variable}_FILE") or None
    if file is None:
        return value
    if value is not None:
        raise Trouble(f"{variable} and {variable}_FILE are both set. Unset one of them.")
    try:
        text = Path(file).read_text("utf-8").strip()
    except OSError as error:
        raise Trouble(f"{variable}_FILE: {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Trouble(f"{variable}_FILE: {file} is not text.") from error
    if not text:
        raise Trouble(f"{variable}_FILE: {file} is empty.")
    return text
