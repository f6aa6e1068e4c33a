"""A service's environment, read once."""

import sys
from typing import Self

from events.transport import Transport
from pydantic import Field, FilePath, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_PREFIX = "RECOBRO_"
_PORT_OFFSETS = {"console": 0, "portfolio": 1, "assignment": 2, "dialer-feed": 3, "field-visits": 4, "promises": 5}


class Settings(BaseSettings):
    """What a service is told from outside, as ``RECOBRO_<FIELD>``. Frozen."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    service: str = Field(pattern=r"^[a-z][a-z-]*$")
    database_url: str = Field(pattern=r"^postgres(ql)?://", repr=False)
    kafka_bootstrap: str | None = Field(default=None, min_length=1)
    log_url: str | None = Field(default=None, pattern=r"^postgres(ql)?://", repr=False)
    instance: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,100}$")
    host: str = Field(default="127.0.0.1", min_length=1)
    port_base: int = Field(default=8000, ge=1, le=65000)
    partitions: int = Field(default=12, ge=1, le=1000)
    jwt_public_key_file: FilePath
    jwt_issuer: str = Field(default="recobro", min_length=1)
    jwt_audience: str = Field(default="recobro", min_length=1)

    @model_validator(mode="after")
    def _has_a_log(self) -> Self:
        if self.kafka_bootstrap is None and self.log_url is None:
            raise ValueError(f"set {_PREFIX}KAFKA_BOOTSTRAP or {_PREFIX}LOG_URL")
        return self

    @classmethod
    def load(cls, service: str) -> Self:
        """Read the environment. A wrong value is named on stderr and ends the process with exit code 2."""
        try:
            return cls.model_validate({"service": service})
        except ValidationError as error:
            for mistake in error.errors(include_url=False, include_input=False):
                name = "".join(f"{_PREFIX}{field}: ".upper() for field in mistake["loc"])
                print(f"{name}{mistake['msg']}", file=sys.stderr)
            raise SystemExit(2) from None

    @property
    def port(self) -> int:
        """Where this service listens."""
        return self.port_base + _PORT_OFFSETS[self.service]


def transport_from(settings: Settings) -> Transport:
    """The event log that the settings name: Kafka where there is a bootstrap address, else the embedded one."""
    if settings.kafka_bootstrap is not None:
        from events.kafka import KafkaTransport

        return KafkaTransport(settings.kafka_bootstrap, settings.partitions, instance=settings.instance)
    from events.postgres import PostgresTransport

    assert settings.log_url is not None
    return PostgresTransport(settings.log_url, settings.partitions)
