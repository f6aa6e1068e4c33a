"""A service's environment, read once."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import Field, FilePath, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from recobro_events import Transport
from recobro_platform import DEFAULT_PORT_BASE, PROGRAMS, SERVICES

from chassis.connections import ConnectionLimits
from chassis.limits import Limit

DEFAULT_MAX_LIFETIME_SECONDS = 24 * 3600
"""A stolen token ends within a day, and so does the entry that revokes it. A dialer's shift and a daily job fit in."""

_PREFIX = "RECOBRO_"
_PER_CLASS = "for each class of routes ([Limits](security.md#limits))"
_PORT_OFFSETS = {program.name: program.port_offset for program in PROGRAMS}
_FIRST, *_OTHERS = SERVICES


class Settings(BaseSettings):
    """A service's settings, from the variables ``RECOBRO_<FIELD>``. Frozen."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    service: str = Field(pattern=r"^[a-z][a-z-]*$")
    database_url: str = Field(
        pattern=r"^postgres(ql)?://", repr=False, description="The service's own database, `postgresql://…`."
    )
    owner_database_url: str | None = Field(
        default=None,
        pattern=r"^postgres(ql)?://",
        repr=False,
        description=(
            "The same database, with the role that owns its tables. Migrations use this URL. Without it the service's"
            " own role owns the tables, and could change the audit table."
        ),
    )
    kafka_bootstrap: str | None = Field(
        default=None, min_length=1, description="Kafka brokers that carry the events, `host:port,host:port`."
    )
    kafka_username: str | None = Field(
        default=None, min_length=1, description="User at the Kafka brokers (SCRAM-SHA-512). Needs the password too."
    )
    kafka_password: str | None = Field(default=None, min_length=1, repr=False, description="Password of this user.")
    kafka_ca_file: FilePath | None = Field(
        default=None, description="CA certificates for the Kafka brokers. Setting this enables TLS."
    )
    create_topics: bool = Field(
        default=True, description="Whether to create missing topics. If false, the process waits until they exist."
    )
    log_url: str | None = Field(
        default=None,
        pattern=r"^postgres(ql)?://",
        repr=False,
        description="Database of the embedded event log. Required without Kafka brokers.",
    )
    instance: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description=(
            "A name that the process keeps over restarts, different for each replica. With such a name a restarted"
            " process gets its Kafka partitions back at once. Without one, nobody reads the partitions of a process"
            " that was killed until its session ends, after 45 s."
        ),
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="The address on which the service listens.")
    port_base: int = Field(
        default=DEFAULT_PORT_BASE,
        ge=1,
        le=65000,
        description=(
            f"1 to 65000. {_FIRST.name} listens on this port + {_FIRST.port_offset}, "
            f"{', '.join(f'{other.name} + {other.port_offset}' for other in _OTHERS)}."
        ),
    )
    partitions: int = Field(
        default=12,
        ge=1,
        le=1000,
        description="Partitions of each topic that the service creates, 1 to 1000. They never change afterwards.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s]+$",
        description="Collector of traces (OTLP/HTTP), such as `http://collector:4318`. If unset, no traces are sent.",
    )
    jwt_public_key_file: FilePath | None = Field(
        default=None,
        description=(
            "JWK set with the public keys that verify tokens (ES256 or RS256), loaded again when it changes. Required,"
            " unless `RECOBRO_JWT_JWKS_URL` is set."
        ),
    )
    jwt_jwks_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s@]+$",
        description="Address of a JWK set, such as `https://id.example/jwks.json`.",
    )
    jwt_jwks_refresh_seconds: int = Field(
        default=300,
        ge=10,
        le=600,
        description=(
            "Seconds between two loads from the address, 10 to 600. A removed key is refused after the next load."
        ),
    )
    jwt_keys_max_age_seconds: int = Field(
        default=3600,
        ge=60,
        le=86400,
        description=(
            "Seconds, 60 to 86400, for which the last keys and deny list stay valid when they cannot be loaded any"
            " more. Afterwards the service answers requests with 503."
        ),
    )
    jwt_max_lifetime_seconds: int = Field(
        default=DEFAULT_MAX_LIFETIME_SECONDS,
        ge=60,
        le=31 * 86400,
        description="The longest time in seconds, 60 to 2678400, from the `iat` of a token to its `exp`.",
    )
    jwt_deny_file: FilePath | None = Field(
        default=None,
        description=(
            "Revoked tokens: a line for each `jti`, or `sub NAME` for all tokens of a subject. Loaded again when it"
            " changes."
        ),
    )
    jwt_issuer: str = Field(default="recobro", min_length=1, description="The `iss` that every token must have.")
    jwt_audience: str = Field(default="recobro", min_length=1, description="The `aud` that every token must have.")
    connections: int = Field(
        default=800, ge=10, le=100_000, description="Open connections that the process accepts; 10 to 100,000."
    )
    connections_per_address: int = Field(
        default=256,
        ge=1,
        le=100_000,
        description=(
            "Open connections of one address, 1 to 100,000. A further connection gets 503. Behind a proxy the address"
            " is the proxy's."
        ),
    )
    agency_requests_per_second: int = Field(
        default=3,
        ge=1,
        le=100_000,
        description=f"Requests a second of one agency, {_PER_CLASS} except `dialing`; 1 to 100,000.",
    )
    agency_dialing_requests_per_second: int = Field(
        default=10,
        ge=1,
        le=100_000,
        description=(
            "Requests a second of one agency in the class `dialing` ([Limits](security.md#limits)); 1 to 100,000."
        ),
    )
    agency_requests_per_day: int = Field(
        default=500_000, ge=1, le=10**12, description=f"Requests a day of one agency, {_PER_CLASS}."
    )
    agency_megabytes_per_day: int = Field(
        default=10_000, ge=1, le=10**9, description=f"Megabytes a day of one agency, sent and read, {_PER_CLASS}."
    )
    agency_requests_at_once: int = Field(
        default=2,
        ge=1,
        le=1000,
        description=(
            f"Requests of one agency that the process works on at once, {_PER_CLASS}. For all agencies together the"
            " limit is twice as high. Keep it well below the 10 database connections of the process."
        ),
    )
    agency_open_requests: int = Field(
        default=50, ge=1, le=100_000, description=f"Requests of one agency that work or wait, {_PER_CLASS}."
    )
    operator_requests_per_second: int = Field(
        default=1000, ge=1, le=100_000, description=f"Requests a second of one operator, {_PER_CLASS}; 1 to 100,000."
    )
    operator_requests_per_day: int = Field(
        default=20_000_000, ge=1, le=10**12, description=f"Requests a day of one operator, {_PER_CLASS}."
    )
    operator_megabytes_per_day: int = Field(
        default=1_000_000,
        ge=1,
        le=10**9,
        description=f"Megabytes a day of one operator, sent and read, {_PER_CLASS}.",
    )
    operator_requests_at_once: int = Field(
        default=8,
        ge=1,
        le=1000,
        description=f"Requests of all operators together that the process works on at once, {_PER_CLASS}.",
    )
    operator_open_requests: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description=f"Requests of one operator that work or wait, {_PER_CLASS}.",
    )

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        return self.check_keys()

    def check_keys(self) -> Self:
        """Raises ``ValueError`` unless exactly one source of keys is set, and its periods fit together."""
        if (self.jwt_public_key_file is None) == (self.jwt_jwks_url is None):
            raise ValueError(f"set either {_PREFIX}JWT_PUBLIC_KEY_FILE or {_PREFIX}JWT_JWKS_URL")
        if self.jwt_jwks_url is not None and self.jwt_keys_max_age_seconds <= self.jwt_jwks_refresh_seconds:
            raise ValueError(f"{_PREFIX}JWT_KEYS_MAX_AGE_SECONDS must be more than {_PREFIX}JWT_JWKS_REFRESH_SECONDS")
        return self

    @model_validator(mode="after")
    def _has_a_log(self) -> Self:
        if self.kafka_bootstrap is None and self.log_url is None:
            raise ValueError(f"set {_PREFIX}KAFKA_BOOTSTRAP or {_PREFIX}LOG_URL")
        if (self.kafka_username is None) != (self.kafka_password is None):
            raise ValueError(f"{_PREFIX}KAFKA_USERNAME and {_PREFIX}KAFKA_PASSWORD must be set together")
        return self

    @classmethod
    def load(cls, service: str) -> Self:
        """Read the environment. A wrong value is named on stderr and ends the process with exit code 2.

        A secret may be in a file; ``RECOBRO_<FIELD>_FILE`` names the file.
        """
        values, mistakes = _from_files(name for name, field in cls.model_fields.items() if not field.repr)
        try:
            if not mistakes:
                return cls.model_validate({"service": service} | values)
        except ValidationError as error:
            for mistake in error.errors(include_url=False, include_input=False):
                name = "".join(f"{variable_of(str(field))}: " for field in mistake["loc"])
                mistakes.append(f"{name}{mistake['msg']}")
        print(*mistakes, sep="\n", file=sys.stderr)
        raise SystemExit(2)

    @property
    def agency_limit(self) -> Limit:
        at_once = self.agency_requests_at_once
        return Limit(
            per_second=self.agency_requests_per_second,
            dialing_per_second=self.agency_dialing_requests_per_second,
            per_day=self.agency_requests_per_day,
            bytes_per_day=self.agency_megabytes_per_day * 1_000_000,
            at_once=at_once,
            all_at_once=2 * at_once,
            open_at_once=self.agency_open_requests,
        )

    @property
    def operator_limit(self) -> Limit:
        at_once = self.operator_requests_at_once
        return Limit(
            per_second=self.operator_requests_per_second,
            per_day=self.operator_requests_per_day,
            bytes_per_day=self.operator_megabytes_per_day * 1_000_000,
            at_once=at_once,
            all_at_once=at_once,
            open_at_once=self.operator_open_requests,
        )

    @property
    def connection_limits(self) -> ConnectionLimits:
        return ConnectionLimits(all=self.connections, per_address=self.connections_per_address)

    @property
    def port(self) -> int:
        """The port on which this service listens."""
        return self.port_base + _PORT_OFFSETS[self.service]


def variable_of(field: str) -> str:
    """Return the environment variable of the field."""
    return f"{_PREFIX}{field}".upper()


def _from_files(fields: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Return the values of those secret ``fields`` that are in files, and the errors of these files."""
    values, mistakes = {}, []
    for field in fields:
        variable = variable_of(field)
        if (path := os.environ.get(f"{variable}_FILE")) is None:
            continue
        if variable in os.environ:
            mistakes.append(f"{variable}: {variable}_FILE is set too. Set only one of the two")
        try:
            values[field] = Path(path).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            mistakes.append(f"{variable}_FILE: the file cannot be read: {why}")
    return values, mistakes


def transport_from(settings: Settings) -> Transport:
    """Return the event log of the settings: Kafka if there is a bootstrap address, else the embedded log."""
    if settings.kafka_bootstrap is not None:
        from recobro_events.kafka import KafkaTransport, Security

        return KafkaTransport(
            settings.kafka_bootstrap,
            settings.partitions,
            instance=settings.instance,
            security=Security(settings.kafka_username, settings.kafka_password, settings.kafka_ca_file),
            create_topics=settings.create_topics,
        )
    from recobro_events.postgres import PostgresTransport

    assert settings.log_url is not None
    return PostgresTransport(settings.log_url, settings.partitions)
