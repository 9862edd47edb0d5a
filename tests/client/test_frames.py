"""No frame of ours that an error leaves behind holds a key in a local that can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests_mock as mocking

from credhelper.client.api import ANY_TOKEN, TokenSpec
from credhelper.client.authorization import KEY_FORMS, ApiKey, Authorization, Bearer, Password
from credhelper.client.http.transport import Transport
from credhelper.client.iap import Client
from credhelper.core.model import Secret
from credhelper.errors import CredhelperError

CANARY = "the-key-CANARY"
BASIC = "dGhlLWtleS1DQU5BUlk"
URL = "https://api.test"


def frames_of(error: BaseException | None) -> str:
    """Return the locals of all frames of ours behind `error`, as a tool shows them."""
    shown: list[str] = []
    while error is not None:
        at = error.__traceback__
        while at is not None:
            if "/credhelper/" in at.tb_frame.f_code.co_filename.rpartition("/tests/")[2]:
                shown += [f"{name}={value!r}" for name, value in at.tb_frame.f_locals.items()]
            at = at.tb_next
        error = error.__context__
    return "\n".join(shown)


@pytest.mark.parametrize(
    "authorization",
    [
        *(ApiKey(Secret(CANARY), form, "user") for form in KEY_FORMS),
        Password("user", Secret(CANARY)),
        Bearer(Secret(CANARY)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("spec", [ANY_TOKEN, TokenSpec(data="\udc80")], ids=["plain", "surrogate"])
@pytest.mark.parametrize("answer", [{"status_code": 401}, {"text": "<html>"}, {"exc": OSError}])
def test_a_key_is_masked_in_all_frames_of_an_error(
    authorization: Authorization,
    spec: TokenSpec,
    answer: dict[str, Any],
    transport: Callable[..., Transport],
    mocked: mocking.Mocker,
) -> None:
    mocked.post(f"{URL}/v1/tokens", **answer)
    client = Client(transport(URL), session_lifetime=1800)
    with pytest.raises((CredhelperError, OSError)) as raised:
        client.create(authorization, spec)
    shown = frames_of(raised.value)
    assert "authorization=" in shown
    assert CANARY not in shown
    assert BASIC not in shown


@pytest.mark.parametrize("call", ["refresh", "revoke"])
def test_a_token_in_a_body_is_masked_too(
    call: str, transport: Callable[..., Transport], mocked: mocking.Mocker
) -> None:
    mocked.register_uri(mocking.ANY, mocking.ANY, status_code=500, text="trouble")
    client = Client(transport(URL), session_lifetime=1800)
    with pytest.raises(CredhelperError) as raised:
        getattr(client, call)(Secret(CANARY))
    assert CANARY not in frames_of(raised.value)
