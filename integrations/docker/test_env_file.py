"""`docker run --env-file` with the lines of `credhelper env --format dotenv`: the real docker.

There is no engine here: a stand-in notes the environment that docker asks it to start with, and
refuses.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator

import pytest

from integrations.docker.harbour import HERE
from integrations.wired import Wired
from tests.support.programs import command
from tests.support.servers import Served, answer


class Engine(Served):
    """An engine that starts nothing. Attributes: `asked`, the environment of each container."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        super().__init__(self._answer)

    def _answer(self, connection: socket.socket, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        if b"/containers/create" in head.split(b"\r\n")[0]:
            self.asked.append(json.loads(body)["Env"])
            connection.sendall(answer(400, b'{"message": "nothing is started here"}'))
        else:
            connection.sendall(answer(200, b"", "Api-Version: 1.44"))


@pytest.fixture
def engine() -> Iterator[Engine]:
    served = Engine()
    yield served
    served.stop()


@pytest.mark.parametrize("how", ["piped", "written"])
def test_a_container_starts_with_token_server_and_url(
    client: Callable[[str], str], wire: Callable[..., Wired], engine: Engine, how: str
) -> None:
    docker = client("docker")
    wired = wire()
    wired.configure(HERE / "credhelper.toml", {"registry.example.org": "localhost:5000"})
    ours = " ".join(command("credhelper"))
    run = f"{docker} run --rm --env-file"
    script = {
        "piped": f"{ours} env --format dotenv | {run} /dev/stdin image",
        "written": f"{ours} write --format dotenv --to ica.env && {run} ica.env image",
    }[how]
    environ = {"DOCKER_HOST": engine.url.replace("http://", "tcp://")}
    outcome = wired.run("sh", "-c", script, environ=environ)
    assert "nothing is started here" in outcome.told
    token = wired.run(*command("credhelper"), "get").token
    url = wired.sandbox.url
    assert engine.asked == [
        [
            f"ICA_ACCESS_TOKEN={token}",
            f"ICA_SERVER_URL={url.partition('://')[2]}",
            f"ICA_BASE_URL={url}",
        ]
    ]
