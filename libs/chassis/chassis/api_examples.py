"""Examples of requests and answers in the OpenAPI document.

They stand in ``api_examples.json`` of the package that has the operation, by the operation's id. A test plays them on
all services and writes what was sent and answered, so they are never written by hand: ``make api-examples``.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from chassis.package_files import text_in

FILE = "api_examples.json"


@cache
def examples_in(package: str) -> Mapping[str, Mapping[str, Any]]:
    """Return a package's examples by operation. A package without operations has none."""
    text = text_in(package, FILE)
    return {} if text is None else json.loads(text)


def show(operation: dict[str, Any], example: Mapping[str, Any]) -> None:
    """Put an operation's example into its description."""
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in example.get("parameters", {}):
            parameter["example"] = example["parameters"][parameter["name"]]
    if "request" in example:
        operation["requestBody"]["content"]["application/json"]["example"] = example["request"]
    if "answer" in example:
        operation["responses"][str(example["status"])]["content"][example["media_type"]]["example"] = example["answer"]
