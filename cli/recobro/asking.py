"""The shape of a command that asks a platform: what it is given, and what it does with the answer."""

from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Concatenate, ParamSpec

from recobro.client import Client, connect, in_role
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
    return _command(ask, None)


def asks_in_role(
    role: str,
) -> Callable[[Callable[Concatenate[Client, Given], Answer]], Callable[..., None]]:
    """Make a command as ``asks_platform`` does, for which a person needs this role."""
    return lambda ask: _command(ask, role)


def _command(ask: Callable[Concatenate[Client, Given], Answer], role: str | None) -> Callable[..., None]:
    _, *own = signature(ask).parameters.values()

    @wraps(ask)
    def command(data: Path, url: str | None, as_json: bool, *given: Given.args, **named: Given.kwargs) -> None:
        with connect(DataFolder(data), url) as client:
            answering = ask(client if role is None else in_role(DataFolder(data), client, role), *given, **named)
            answer = next(answering)
            if as_json:
                print_json(answer)
            else:
                next(answering, None)

    parameters = [*own, *_SHARED]
    command.__dict__["__signature__"] = signature(ask).replace(parameters=parameters, return_annotation=None)
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command
