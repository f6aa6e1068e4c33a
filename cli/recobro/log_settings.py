"""The services' settings for a command that is not a service.

Values that are set follow the services' rules; other values may be missing. Import this module inside functions: it
imports the whole web framework, which takes a second that `recobro status` can do without.
"""

import contextlib
import io
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from chassis import Program, Settings
from chassis.settings import variable_of
from pydantic import Field, ValidationError, create_model, model_validator
from pydantic_core import ErrorDetails
from recobro_platform import Service

from recobro.errors import Trouble


class WrongSettings(Trouble):
    """Some settings are invalid. ``mistakes`` name their variables."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = mistakes
        super().__init__("The settings in the environment are wrong:" + "".join(f"\n  {each}" for each in mistakes))


class LogSettings(Settings):
    """The settings of a service that concern the log."""

    service: str = "operations"
    database_url: str = Field(default="", repr=False)
    jwt_public_key_file: Path | None = None
    jwt_deny_file: Path | None = None

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        """A command may have no keys."""
        return self if self.jwt_public_key_file is None and self.jwt_jwks_url is None else self.check_keys()


S = TypeVar("S", bound=LogSettings)


def load(model: type[S]) -> S:
    """Read the environment. Raises ``WrongSettings`` if a service would not start with it."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            return model.load("operations")
    except SystemExit:
        raise WrongSettings(printed.getvalue().replace("Value error, ", "").splitlines()) from None


def of_platform(log_url: str | None, kafka_bootstrap: str | None) -> LogSettings:
    """Return the log settings that the services of the local platform have."""
    try:
        values = {"service": "operations", "log_url": log_url, "kafka_bootstrap": kafka_bootstrap}
        return LogSettings.model_validate(values)
    except ValidationError as error:
        raise WrongSettings([_sentence(mistake) for mistake in error.errors()]) from error


def _sentence(mistake: ErrorDetails) -> str:
    return f"{'.'.join(variable_of(str(name)) for name in mistake['loc'])}: {mistake['msg']}".removeprefix(": ")


def program_of(service: Service) -> Program[Settings]:
    """Return the service's program, which holds its settings class and its migrations."""
    program: Program[Settings] = import_module(f"{service.package}.main").PROGRAM
    return program


def settings_of(service: Service) -> type[LogSettings]:
    """Return the service's settings class, with only the log's settings required."""
    bases: tuple[Any, ...] = (LogSettings, program_of(service).settings)
    return cast("type[LogSettings]", create_model("ServiceSettings", __base__=bases))
