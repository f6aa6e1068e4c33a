"""The settings of promises, read from the environment."""

from chassis import Settings
from chassis.public import Network, networks
from pydantic import Field, field_validator


class PromisesSettings(Settings):
    """The chassis's settings, and those of the debtor's page."""

    debtor_page_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s?#@]+[^\s?#@/]$",
        description=(
            "The address under which debtors reach this service's path `/p/`, such as `https://pagos.example`. Links to"
            " the debtor's page begin with it. Default: the service's own address on this machine."
        ),
    )
    debtor_page_proxies: str = Field(
        default="",
        max_length=2000,
        description=(
            "Networks of the proxies in front of the debtor's page, divided by commas, such as `10.0.0.0/8`. A proxy"
            " names the debtor's address in `X-Forwarded-For`, and the limits apply to this address. The header is"
            " ignored if it comes from elsewhere."
        ),
    )

    @field_validator("debtor_page_proxies")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        networks(text)
        return text

    @property
    def debtor_page_address(self) -> str:
        return self.debtor_page_url or f"http://127.0.0.1:{self.port}"

    @property
    def trusted_proxies(self) -> tuple[Network, ...]:
        return networks(self.debtor_page_proxies)
