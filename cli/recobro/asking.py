"""The shape of a command that asks a platform: what it is given, and what it does with the answer."""

from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Concatenate, ParamSpec

from recobro.client import Client, connect
from recobro.data import DataFolder
from recobro.terminal import DEFAULT_DATA, AsJson, Data, Url, print_json

Given = ParamSpec("Given")
Answer = Iterator[object]
"""A command yields the answer of the platform, once. ``--json`` prints it; what comes after it is for people."""

_SHARED = tuple(
    Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, default, annotation in (("data", DEFAULT_DATA, Data), ("url", None, Url), ("as_json", False, AsJson))
)


def asks_platform(ask: Callable[Concatenate[Client, Given], Answer]) -> Callable[..., None]:
    """Make a command of ``ask``: it also takes ``--data``, ``--url`` and ``--json``, and gives ``ask`` the client."""
    _, *own = signature(ask).parameters.values()

    @wraps(ask)
    def command(data: Path, url: str | None, as_json: bool, *given: Given.args, **named: Given.kwargs) -> None:
        with connect(DataFolder(data), url) as client:
            answering = ask(client, *given, **named)
            answer = next(answering)
            if as_json:
                print_json(answer)
            else:
                next(answering, None)

    parameters = [*own, *_SHARED]
    command.__dict__["__signature__"] = signature(ask).replace(parameters=parameters, return_annotation=None)
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command
