"""`recobro token`: whom a token names, how long it lasts, and how it is revoked."""

import json
import time
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from chassis.problems import Unauthorised
from chassis.trust import DenyList, TokenVerifier
from operated import invoked
from recobro import client, keys
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.log_settings import LogSettings


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """A data folder on which a platform was started once."""
    for variable in ("RECOBRO_JWT_DENY_FILE", "RECOBRO_JWT_MAX_LIFETIME_SECONDS", "RECOBRO_DATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LOGNAME", "ana")
    folder = DataFolder(tmp_path)
    keys.ensure(folder)
    return folder


def run(data: DataFolder, *arguments: str) -> tuple[int, str]:
    """Return the exit code and the output, each run of spaces as one."""
    ran = invoked(["token", *arguments, "--data", str(data.root)], {"COLUMNS": "300"})
    return ran.exit_code, " ".join(ran.output.split())


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def made(data: DataFolder, *arguments: str) -> dict[str, Any]:
    code, token = run(data, *arguments)
    assert code == 0, token
    return claims_of(token)


def verifier_of(data: DataFolder) -> TokenVerifier:
    settings = LogSettings.model_construct(
        jwt_public_key_file=keys.public_file(data), jwt_deny_file=keys.deny_file(data)
    )
    return TokenVerifier.of(settings)


def test_an_operator_s_token_names_the_user_of_the_system(data: DataFolder) -> None:
    claims = made(data)
    assert (claims["sub"], claims["role"], claims["client_id"]) == ("ana", "operator", "recobro")
    assert "agency_id" not in claims
    assert claims["exp"] - claims["iat"] == 3600


def test_as_names_another_person(data: DataFolder) -> None:
    assert made(data, "--as", "María José")["sub"] == "María José"


def test_an_agency_s_token_names_the_agency_or_a_person_of_it(data: DataFolder) -> None:
    agency = str(uuid4())
    claims = made(data, "--agency", agency)
    assert (claims["sub"], claims["agency_id"], "role" in claims) == (f"agency-{agency}", agency, False)
    claims = made(data, "--agency", agency, "--as", "eva")
    assert (claims["sub"], claims["agency_id"]) == ("eva", agency)


@pytest.mark.parametrize("name", ["", " ", "a" * 129, "a\nb", "\u200bana"])
def test_a_name_that_no_service_accepts_is_refused(data: DataFolder, name: str) -> None:
    code, output = run(data, "--as", name)
    assert (code, "sub must be 1 to 128 printable characters" in output) == (1, True)


def test_a_user_without_a_name_is_a_number(data: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr("getpass.getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 10001)
    assert made(data)["sub"] == "uid-10001"


def test_a_token_lasts_as_long_as_the_services_accept(data: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert made(data, "--ttl", "86400")["exp"] > time.time() + 86000
    refused = "The services accept a token for 86400 seconds at most. RECOBRO_JWT_MAX_LIFETIME_SECONDS sets this."
    assert run(data, "--ttl", "86401") == (1, refused)
    monkeypatch.setenv("RECOBRO_JWT_MAX_LIFETIME_SECONDS", "172800")
    assert made(data, "--ttl", "172800")
    monkeypatch.setenv("RECOBRO_JWT_MAX_LIFETIME_SECONDS", "long")
    assert run(data, "--ttl", "60")[0] == 1


def test_a_scope_that_does_not_exist_is_refused(data: DataFolder) -> None:
    assert "There is no scope portfolio:rule." in run(data, "--scope", "portfolio:rule")[1]


def test_a_folder_without_a_key_is_refused(tmp_path: Path) -> None:
    code, output = run(DataFolder(tmp_path / "empty"))
    assert (code, "has no signing key yet" in output) == (1, True)


@pytest.mark.parametrize("by_id", [True, False])
async def test_a_revoked_token_is_refused_and_another_is_not(data: DataFolder, by_id: bool) -> None:
    token, other = run(data)[1], run(data)[1]
    token_id = claims_of(token)["jti"]
    assert run(data, "revoke", token_id if by_id else token) == (0, f"Revoked {token_id}.")
    verifier = verifier_of(data)
    async with verifier.opened():
        assert (await verifier.principal([f"Bearer {other}"])).subject == "ana"
        with pytest.raises(Unauthorised) as refused:
            await verifier.principal([f"Bearer {token}"])
    assert "revoked" in refused.value.detail


def test_revoking_keeps_what_a_person_wrote(data: DataFolder) -> None:
    keys.deny_file(data).write_text("# lost laptop\nsub eve")
    assert run(data, "revoke", "t-1")[0] == run(data, "revoke", "t-2")[0] == 0
    assert keys.deny_file(data).read_text() == "# lost laptop\nsub eve\nt-1\nt-2\n"
    assert DenyList.parse(keys.deny_file(data).read_bytes()).subjects == {"eve"}


@pytest.mark.parametrize("what", ["two words", "", "ñ", "# t-1", "#1", "sub", "a.b.c", "a" * 129])
def test_what_is_no_token_cannot_be_revoked(data: DataFolder, what: str) -> None:
    code, output = run(data, "revoke", what)
    assert (code, "Give the token, or its jti." in output) == (1, True)
    assert keys.deny_file(data).read_text() == ""


def test_the_deny_list_may_be_elsewhere(data: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOBRO_JWT_DENY_FILE", str(tmp_path / "elsewhere"))
    assert run(data, "revoke", "t-1")[0] == 0
    assert (tmp_path / "elsewhere").read_text() == "t-1\n"


def test_an_option_before_the_subcommand_is_refused(data: DataFolder) -> None:
    """Otherwise --data would name a folder that the subcommand does not use."""
    ran = invoked(["token", "--data", str(data.root), "revoke", "t-1"])
    assert (ran.exit_code, ran.output.strip()) == (1, "Write --data behind revoke.")


def test_an_older_data_folder_gets_a_deny_list(data: DataFolder) -> None:
    keys.deny_file(data).unlink()
    keys.ensure(data)
    assert keys.deny_file(data).read_text() == ""
    assert keys.deny_file(data).stat().st_mode & 0o777 == 0o600
    keys.deny_file(data).write_text("t-1\n")
    keys.ensure(data)
    assert keys.deny_file(data).read_text() == "t-1\n"


def test_the_command_s_own_tokens_last_no_longer_than_services_accept(
    data: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOBRO_JWT_MAX_LIFETIME_SECONDS", "600")
    claims = claims_of(client._operator_token(data))
    assert (claims["exp"] - claims["iat"], claims["sub"]) == (600, "ana")
    with pytest.raises(Trouble, match="600 seconds at most"):
        keys.token(data, subject="ana", scopes=[], agency_id=None, ttl_seconds=601)
