"""Secrets, read from an environment variable or from the file that the variable's ``_FILE`` form names."""

import os
from pathlib import Path

from recobro.errors import Trouble
from recobro.language import tr


def secret(variable: str) -> str | None:
    """Return the secret, or None if neither variable is set.

    Raises ``Trouble`` if both are set, or if the file is empty or cannot be read.
    """
    value, file = os.environ.get(variable) or None, os.environ.get(f"{variable}_FILE") or None
    if file is None:
        return value
    if value is not None:
        raise Trouble(tr("{variable} and {variable}_FILE are both set. Unset one of them.", variable=variable))
    try:
        text = Path(file).read_text("utf-8").strip()
    except OSError as error:
        raise Trouble(
            tr(
                "{variable}_FILE: {file} cannot be read: {strerror}.",
                variable=variable,
                file=file,
                strerror=error.strerror,
            )
        ) from error
    except ValueError as error:
        raise Trouble(tr("{variable}_FILE: {file} is not text.", variable=variable, file=file)) from error
    if not text:
        raise Trouble(tr("{variable}_FILE: {file} is empty.", variable=variable, file=file))
    return text
