"""`recobro token`: whom a token names, how long it lasts, and how it is revoked."""

import json
import time
from base64 import urlsafe_b64decode
from pathlib import Path
from types import SimpleNamespace
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


def kid_of(token: str) -> str:
    header = token.split(".")[0]
    return str(json.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"])


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


def test_a_role_is_one_of_the_scopes(data: DataFolder) -> None:
    scopes = made(data, "--scope", "promises:write", "--role", "supervisor")["scope"].split()
    assert scopes == ["promises:write", "role:supervisor"]
    assert "and not: Supervisor one." in run(data, "--role", "Supervisor one")[1]


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


async def accepted(data: DataFolder, token: str) -> bool:
    """Whether a service that loads its keys now accepts the token."""
    verifier = verifier_of(data)
    async with verifier.opened():
        try:
            await verifier.principal([f"Bearer {token}"])
        except Unauthorised:
            return False
    return True


def members(data: DataFolder) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(keys.public_file(data).read_text())["keys"]
    return listed


async def test_a_new_key_signs_and_the_old_one_s_tokens_run_out(data: DataFolder) -> None:
    keys.public_file(data).chmod(0o640)
    modes_before = [(data.keys / file).stat().st_mode for file in ("private.json", "jwks.json")]
    old = run(data)[1]
    code, output = run(data, "rotate")
    assert (code, "accepted until" in output) == (0, True), output
    new = run(data)[1]
    first, second = members(data)
    assert kid_of(new) == first["kid"] != kid_of(old) == second["kid"]
    assert "exp" not in first
    assert abs(second["exp"] - time.time() - 86400) < 600, "the longest token, made just before"
    assert await accepted(data, old)
    assert await accepted(data, new)
    assert (data.keys / "lock").stat().st_mode & 0o777 == 0o600
    assert modes_before == [(data.keys / file).stat().st_mode for file in ("private.json", "jwks.json")]


async def test_keys_that_have_ended_are_refused_and_then_removed(
    data: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = run(data)[1]
    run(data, "rotate")
    ends = members(data)[1]["exp"]
    later = SimpleNamespace(time=lambda: float(ends), monotonic=time.monotonic)
    monkeypatch.setattr("recobro.keys.time", later)
    monkeypatch.setattr("chassis.trust.key_ring.time", later)
    assert not await accepted(data, old)
    run(data, "rotate")
    assert kid_of(old) not in [member["kid"] for member in members(data)]
    assert len(members(data)) == 2


async def test_a_second_rotation_gives_no_key_more_time(data: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    run(data, "rotate")
    ends = members(data)[1]["exp"]
    monkeypatch.setattr("recobro.keys.time", SimpleNamespace(time=lambda: time.time() + 3600))
    run(data, "rotate")
    assert [member.get("exp", 0) for member in members(data)][::2] == [0, ends]


async def test_the_old_key_s_tokens_are_refused_at_once(data: DataFolder) -> None:
    old = run(data)[1]
    run(data, "rotate")
    between = run(data)[1]
    code, output = run(data, "rotate", "--revoke")
    assert (code, output) == (0, "A new key signs tokens now. Older tokens are refused within seconds.")
    new = run(data)[1]
    assert [await accepted(data, token) for token in (old, between, new)] == [False, False, True]
    assert [member["kid"] for member in members(data)] == [kid_of(new)]


@pytest.mark.parametrize("writes", [1, 2, 3])
async def test_a_rotation_that_is_killed_leaves_a_key_that_is_accepted(
    data: DataFolder, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """Killed before each of its writes. Once more, and the key before has an end."""
    rename, left = Path.rename, writes

    def counted(self: Path, target: Path) -> Path:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        return rename(self, target)

    old = run(data)[1]
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", counted)
        with pytest.raises(KeyboardInterrupt):
            keys.rotate(data)
    assert await accepted(data, run(data)[1])
    assert await accepted(data, old)
    keys.ensure(data)
    keys.rotate(data)
    assert ["exp" in member for member in members(data)] == [False] + [True] * (len(members(data)) - 1)
    assert await accepted(data, run(data)[1])


def test_a_folder_without_a_key_cannot_rotate(tmp_path: Path) -> None:
    code, output = run(DataFolder(tmp_path / "empty"), "rotate")
    assert (code, "has no signing key yet" in output) == (1, True)


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


def test_a_link_to_the_console_in_containers_is_signed_with_the_folder_s_key(data: DataFolder) -> None:
    arguments = ["console-link", "--role", "auditor", "--data", str(data.root)]
    ran = invoked(arguments, {"RECOBRO_CONSOLE_URL": "https://console.recobro.example/"})
    assert ran.exit_code == 0, ran.output
    address, _, code = ran.output.strip().partition("?code=")
    assert address == "https://console.recobro.example/sign-in/link"
    claims = claims_of(code)
    assert (claims["aud"], claims["scope"], claims["sub"]) == ("recobro-console", "console:auditor", "ana")
    nowhere = invoked(arguments, {})
    assert nowhere.exit_code == 1
    assert "No platform is running" in nowhere.output
