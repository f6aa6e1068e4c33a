"""What is secret, from an environment variable or from the file that its ``_FILE`` names."""

import os
from pathlib import Path

from recobro.errors import Trouble


def secret(variable: str) -> str | None:
    """Its value; None when neither is set, ``Trouble`` when both are, or when the file cannot be read or is empty."""
    value, file = os.environ.get(variable) or None, os.environ.get(f"{variable}_FILE") or None
    if file is None:
        return value
    if value is not None:
        raise Trouble(f"{variable} and {variable}_FILE are both set, and only one of them can hold. Unset one.")
    try:
        text = Path(file).read_text("utf-8").strip()
    except OSError as error:
        raise Trouble(f"{variable}_FILE: {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Trouble(f"{variable}_FILE: {file} is no text.") from error
    if not text:
        raise Trouble(f"{variable}_FILE: {file} is empty.")
    return text
