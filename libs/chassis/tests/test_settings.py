"""The environment is read once; a wrong variable is refused by name."""

from pathlib import Path

import pytest
from chassis import Settings, tokens, transport_from
from chassis.testing import test_settings
from pydantic import ValidationError


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in ("KAFKA_BOOTSTRAP", "PORT_BASE", "HOST", "PARTITIONS", "JWT_ISSUER", "JWT_AUDIENCE", "JWT_JWKS_URL"):
        monkeypatch.delenv(f"RECOBRO_{name}", raising=False)
    (tmp_path / "jwks.json").write_text(tokens.jwks(tokens.generate_key()))
    monkeypatch.setenv("RECOBRO_DATABASE_URL", "postgresql://u:canary@localhost/portfolio")
    monkeypatch.setenv("RECOBRO_LOG_URL", "postgresql://u:canary@localhost/log")
    monkeypatch.setenv("RECOBRO_JWT_PUBLIC_KEY_FILE", str(tmp_path / "jwks.json"))
    return monkeypatch


def test_the_defaults(environment: pytest.MonkeyPatch) -> None:
    settings = Settings.load("dialer-feed")
    assert (settings.host, settings.port_base, settings.port) == ("127.0.0.1", 8000, 8003)
    assert (settings.partitions, settings.kafka_bootstrap) == (12, None)
    assert (settings.jwt_issuer, settings.jwt_audience) == ("recobro", "recobro")
    environment.setenv("RECOBRO_PORT_BASE", "18000")
    assert Settings.load("portfolio").port == 18001
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECOBRO_PORT_BASE", "eight thousand"),
        ("RECOBRO_PORT_BASE", "70000"),
        ("RECOBRO_PARTITIONS", "0"),
        ("RECOBRO_DATABASE_URL", "canary"),
        ("RECOBRO_LOG_URL", "canary"),
        ("RECOBRO_JWT_PUBLIC_KEY_FILE", "/nowhere/canary"),
        ("RECOBRO_DATABASE_URL", None),
        ("RECOBRO_LOG_URL", None),
        ("RECOBRO_JWT_PUBLIC_KEY_FILE", None),
    ],
)
def test_a_wrong_value_is_named_and_ends_the_process(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str | None
) -> None:
    if value is None:
        environment.delenv(name)
    else:
        environment.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        Settings.load("portfolio")
    assert stopped.value.code == 2
    printed = capsys.readouterr().err
    assert name in printed
    assert "canary" not in printed


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"PUBLIC_KEY_FILE": None}, "set either RECOBRO_JWT_PUBLIC_KEY_FILE or RECOBRO_JWT_JWKS_URL"),
        ({"JWKS_URL": "https://id.example/"}, "set either RECOBRO_JWT_PUBLIC_KEY_FILE or RECOBRO_JWT_JWKS_URL"),
        ({"PUBLIC_KEY_FILE": None, "JWKS_URL": "id.example"}, "RECOBRO_JWT_JWKS_URL: "),
        ({"PUBLIC_KEY_FILE": None, "JWKS_URL": "file:///etc/passwd"}, "RECOBRO_JWT_JWKS_URL: "),
        ({"PUBLIC_KEY_FILE": None, "JWKS_URL": "https://me:canary@id.example/"}, "RECOBRO_JWT_JWKS_URL: "),
        ({"JWKS_REFRESH_SECONDS": "9"}, "RECOBRO_JWT_JWKS_REFRESH_SECONDS: "),
        ({"KEYS_MAX_AGE_SECONDS": "86401"}, "RECOBRO_JWT_KEYS_MAX_AGE_SECONDS: "),
        ({"MAX_LIFETIME_SECONDS": "2678401"}, "RECOBRO_JWT_MAX_LIFETIME_SECONDS: "),
        ({"MAX_LIFETIME_SECONDS": "0"}, "RECOBRO_JWT_MAX_LIFETIME_SECONDS: "),
        ({"DENY_FILE": "/nowhere/canary"}, "RECOBRO_JWT_DENY_FILE: "),
        (
            {"PUBLIC_KEY_FILE": None, "JWKS_URL": "https://id.example/", "KEYS_MAX_AGE_SECONDS": "300"},
            "RECOBRO_JWT_KEYS_MAX_AGE_SECONDS must be more than RECOBRO_JWT_JWKS_REFRESH_SECONDS",
        ),
    ],
)
def test_wrong_settings_of_keys_are_named(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], values: dict[str, str | None], message: str
) -> None:
    for name, value in values.items():
        if value is None:
            environment.delenv(f"RECOBRO_JWT_{name}")
        else:
            environment.setenv(f"RECOBRO_JWT_{name}", value)
    with pytest.raises(SystemExit):
        Settings.load("portfolio")
    printed = capsys.readouterr().err
    assert message in printed
    assert "canary" not in printed


def test_keys_may_come_from_an_address(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("RECOBRO_JWT_PUBLIC_KEY_FILE")
    environment.setenv("RECOBRO_JWT_JWKS_URL", "https://id.example/jwks.json")
    settings = Settings.load("portfolio")
    assert (settings.jwt_public_key_file, settings.jwt_jwks_url) == (None, "https://id.example/jwks.json")
    assert (settings.jwt_jwks_refresh_seconds, settings.jwt_keys_max_age_seconds) == (300, 3600)
    assert (settings.jwt_max_lifetime_seconds, settings.jwt_deny_file) == (86400, None)


def test_a_secret_may_be_in_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("postgresql://u:from-a-file@localhost/portfolio\n")
    environment.delenv("RECOBRO_DATABASE_URL")
    environment.setenv("RECOBRO_DATABASE_URL_FILE", str(tmp_path / "secret"))
    assert Settings.load("portfolio").database_url == "postgresql://u:from-a-file@localhost/portfolio"


@pytest.mark.parametrize(
    ("content", "and_the_variable", "message"),
    [
        (None, False, "RECOBRO_DATABASE_URL_FILE: the file cannot be read: No such file or directory"),
        (b"\xff\xfe", False, "RECOBRO_DATABASE_URL_FILE: the file cannot be read: it is not UTF-8 text"),
        (b"canary", False, "RECOBRO_DATABASE_URL: "),
        (b"postgresql:///x", True, "RECOBRO_DATABASE_URL: RECOBRO_DATABASE_URL_FILE is set too"),
    ],
)
def test_a_wrong_file_is_named_and_ends_the_process(
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    and_the_variable: bool,
    message: str,
) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    if not and_the_variable:
        environment.delenv("RECOBRO_DATABASE_URL")
    environment.setenv("RECOBRO_DATABASE_URL_FILE", str(tmp_path / "secret"))
    with pytest.raises(SystemExit) as stopped:
        Settings.load("portfolio")
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert "canary" not in error


def test_settings_do_not_change() -> None:
    settings = test_settings()
    with pytest.raises(ValidationError):
        settings.host = "0.0.0.0"  # type: ignore[misc]


def test_the_settings_choose_the_transport() -> None:
    assert type(transport_from(test_settings())).__name__ == "PostgresTransport"
    kafka = test_settings(kafka_bootstrap="localhost:9092")
    assert type(transport_from(kafka)).__name__ == "KafkaTransport"
