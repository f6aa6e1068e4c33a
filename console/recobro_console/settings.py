"""The console's environment."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from chassis.settings import Settings
from pydantic import Field, FilePath, model_validator
from recobro_platform import SERVICES


class ConsoleSettings(Settings):
    """The settings of the console, beside those that every process has. Frozen."""

    console_services_url: str = Field(
        default="http://127.0.0.1:{port}",
        pattern=r"^https?://[^\s?#]+$",
        description=(
            "Where the services answer. `{service}` stands for the service's name and `{port}` for its port, as in"
            " `https://{service}.recobro.example`."
        ),
    )
    console_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s?#]+$",
        description="The address under which browsers reach the console. Default: `http://127.0.0.1` and its port.",
    )
    console_session_hours: int = Field(
        default=12, ge=1, le=24, description="Hours after which a user has to sign in again; 1 to 24."
    )
    console_signing_key_file: FilePath | None = Field(
        default=None,
        description=(
            "The private key that signs tokens, on one machine without an identity provider. Users then sign in with"
            " the one-time link that `recobro console-link` prints."
        ),
    )
    console_oidc_issuer: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s?#]+$",
        description="The identity provider (OpenID Connect) at which users sign in.",
    )
    console_oidc_client_id: str | None = Field(
        default=None, min_length=1, description="The console's client id at the identity provider."
    )
    console_oidc_client_secret: str | None = Field(
        default=None, min_length=1, repr=False, description="The console's client secret there, if it has one."
    )
    console_oidc_scope: str = Field(
        default="openid profile offline_access",
        min_length=1,
        description="The scopes that the console asks the identity provider for.",
    )
    console_backups_file: Path | None = Field(
        default=None,
        description=(
            "The notes that `recobro backup` keeps of the backups that it has made. `recobro up` sets it. Without it"
            " the console shows no backups."
        ),
    )
    console_tiles_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s]+$",
        description=(
            "A map server of your own, such as `https://tiles.example/{z}/{x}/{y}.png`. Without it the map of visits"
            " shows no streets."
        ),
    )

    @model_validator(mode="after")
    def _has_one_way_to_sign_in(self) -> Self:
        if (self.console_oidc_issuer is None) == (self.console_signing_key_file is None):
            raise ValueError("set either RECOBRO_CONSOLE_OIDC_ISSUER or RECOBRO_CONSOLE_SIGNING_KEY_FILE")
        if self.console_oidc_issuer is not None and self.console_oidc_client_id is None:
            raise ValueError("RECOBRO_CONSOLE_OIDC_ISSUER needs RECOBRO_CONSOLE_OIDC_CLIENT_ID")
        return self

    @property
    def public_url(self) -> str:
        """The address under which browsers reach the console, without a slash at its end."""
        return (self.console_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach the console over TLS."""
        return urlsplit(self.public_url).scheme == "https"

    @property
    def services(self) -> dict[str, str]:
        """The address of each service, without a slash at its end."""
        template = self.console_services_url.rstrip("/")
        return {
            service.name: template.replace("{service}", service.name).replace(
                "{port}", str(self.port_base + service.port_offset)
            )
            for service in SERVICES
        }
