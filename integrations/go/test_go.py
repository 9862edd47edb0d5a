"""go, with the files beside this one, against a module proxy that checks the live token."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations import clients
from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.module_proxy import VERSION, behind
from integrations.servers.web import Answer, Request, serving
from integrations.wired import Wired
from tests.support.programs import command
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
PLACEHOLDER = "go.example.org"
ONE, TWO = "example.org/team/one", "example.org/team/two"
SECONDS = 6  # of a short-lived token: long enough for one command on a busy machine


class Depot:
    """A module proxy with two modules, and a user whose go is wired up for it.

    Attributes: `wired`; `go`, the client's path; `gate`, what the server saw; `port`; `host`, as
    the user's files name the server; `folder`, a module that needs others.
    """

    def __init__(
        self, wired: Wired, go: str, certificate: Certificate, stack: ExitStack, path: str
    ) -> None:
        self.wired = wired
        self.go = go
        self.gate = Gate(wired.sandbox.url, PLACEHOLDER, bearer=True)
        inner = behind(self.gate, ONE, TWO)

        def answer(request: Request) -> Answer:
            target = request.target.removeprefix(path)
            return inner(Request(request.method, target, request.headers, request.body))

        self.port = stack.enter_context(serving(answer, certificate))
        self.host = f"localhost:{self.port}"
        self.folder = wired.world.home / "module"
        self.folder.mkdir()
        wired.environ |= {
            "SSL_CERT_FILE": str(certificate.authority),
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-modcacherw",  # or nobody could clean up
        }

    def wire(self, snippet: str = "env", at: str = "", **places: str) -> None:
        """Put the files in place, as the README tells.

        Parameters: `at`, what go's file names instead of the service of the profile; `places`, more
        placeholders of that file.
        """
        self.wired.configure(HERE / "credhelper.toml", {PLACEHOLDER: self.host})
        named = {PLACEHOLDER: at or self.host, **places}
        self.wired.place(HERE / snippet, ".config/go/env", named)

    def get(self, *words: str) -> Outcome:
        """Fetch modules as if for the first time: `words` are for `go get`."""
        shutil.rmtree(self.wired.world.home / "go", ignore_errors=True)
        (self.folder / "go.sum").unlink(missing_ok=True)
        (self.folder / "go.mod").write_text("module example.org/mine\n\ngo 1.24\n")
        return self.wired.run(self.go, "get", *words, cwd=self.folder)

    def gets(self, *modules: str) -> None:
        """Fetch modules, which must lie in go's own cache afterwards, at their only version."""
        outcome = self.get(*[f"{module}@latest" for module in modules])
        assert outcome.status == 0, outcome
        for module in modules:
            folder = self.wired.world.home / f"go/pkg/mod/{module}@{VERSION}"
            assert (folder / "go.mod").read_text().startswith(f"module {module}\n")


@pytest.fixture
def open_depot(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Depot]]:
    go = client("go")
    told = clients.version("go")
    if tuple(map(int, told.split(".")[:2])) < (1, 24):
        clients.missing("go", f"go {told} runs no command for GOAUTH: 1.24 and newer do")
    with ExitStack() as stack:
        yield lambda *options, path="": Depot(wire(*options), go, certificate, stack, path)


@pytest.fixture
def depot(open_depot: Callable[..., Depot]) -> Depot:
    return open_depot()


def test_modules_are_fetched_twice_with_one_token(depot: Depot) -> None:
    depot.wire()

    # go asks for several at once: each request meets a 401, and each of those asks us.
    depot.gets(ONE, TWO)
    depot.gets(ONE, TWO)

    assert depot.wired.counted() == (1, 0)
    assert {visit.scheme for visit in depot.gate.admitted} == {"Bearer"}
    assert {visit.scheme for visit in depot.gate.visits if not visit.admitted} == {""}


def test_a_service_that_is_named_is_never_tried_without_a_token(depot: Depot) -> None:
    depot.wire("env-service")

    depot.gets(ONE)
    depot.gets(ONE)

    assert depot.wired.counted() == (1, 0)
    assert {(visit.scheme, visit.admitted) for visit in depot.gate.visits} == {("Bearer", True)}


def test_what_credhelper_does_not_know_goes_on_to_netrc(depot: Depot) -> None:
    other = f"127.0.0.1:{depot.port}"
    depot.wire("env-service")
    file = depot.wired.world.home / ".config/go/env"
    file.write_text(
        file.read_text().replace(f"GOPROXY=https://{depot.host}", f"GOPROXY=https://{other}")
    )
    netrc = depot.wired.world.home / ".netrc"
    netrc.touch(0o600)
    netrc.write_text(f"machine {other} login somebody password something\n")

    assert depot.get(f"{ONE}@latest").status == 1

    assert {(visit.scheme, visit.username) for visit in depot.gate.visits} == {
        ("Basic", "somebody")
    }


def test_go_env_writes_the_same_file(depot: Depot) -> None:
    depot.wire()
    file = depot.wired.world.home / ".config/go/env"
    told = file.read_text()
    file.unlink()
    folder = Path(depot.go).parent
    depot.wired.environ["PATH"] = f"{folder}:{depot.wired.environ['PATH']}"
    script = (HERE / "wire.sh").read_text().replace(PLACEHOLDER, depot.host)

    assert depot.wired.run("sh", "-e", "-c", script).status == 0

    assert file.read_text() == told


def test_the_program_may_be_named_by_a_path_with_blanks(depot: Depot) -> None:
    folder = depot.wired.world.root / "a path with blanks"
    folder.mkdir()
    (folder / "credhelper").symlink_to(command("credhelper")[0])
    depot.wire(**{"credhelper goauth": f"'{folder}/credhelper' goauth"})

    depot.gets(ONE)

    assert depot.wired.counted() == (1, 0)


def test_a_profile_for_a_path_sends_its_token_below_that_path_only(
    open_depot: Callable[..., Depot],
) -> None:
    depot = open_depot(path="/team")
    origin = depot.host
    depot.host = f"{origin}/team"
    depot.wire()

    depot.gets(ONE)
    assert depot.wired.counted() == (1, 0)

    before = len(depot.gate.visits)
    depot.wire(at=f"{origin}/teams")
    assert depot.get(f"{ONE}@latest").status == 1
    assert {visit.scheme for visit in depot.gate.visits[before:]} == {""}


def test_an_expired_token_is_renewed_by_the_next_command(
    open_depot: Callable[..., Depot],
) -> None:
    depot = open_depot("--token-lifetime", str(SECONDS))
    depot.wire()

    depot.gets(ONE)
    depot.wired.wait_until(depot.gate.admitted[-1].expires)
    depot.gets(ONE)

    assert depot.wired.counted() == (2, 0)
    assert not depot.gate.refused


def test_a_proxy_that_no_profile_names_gets_nothing(depot: Depot) -> None:
    # go asks us about the other name of the same server: we are the ones who decline.
    other = f"127.0.0.1:{depot.port}"
    depot.wire(at=other)

    outcome = depot.get("-x", f"{ONE}@latest")

    assert outcome.status == 1
    assert f"https://{other}/{ONE}/@v/list: 401 Unauthorized" in outcome.told
    assert "credhelper" not in outcome.told
    assert {visit.scheme for visit in depot.gate.visits} == {""}
    assert depot.wired.counted() == (0, 0)


def test_a_revoked_token_is_replaced_after_a_logout(depot: Depot) -> None:
    depot.wire()
    depot.gets(ONE)
    depot.wired.sandbox.revoke_all()

    assert "401 Unauthorized" in depot.get(f"{ONE}@latest").told
    assert depot.wired.counted() == (1, 0)

    assert depot.wired.run("credhelper", "logout").status == 0
    depot.gets(ONE)
    assert depot.wired.counted() == (2, 0)


def test_when_no_token_can_be_had_only_x_shows_our_reason(depot: Depot) -> None:
    depot.wire()
    depot.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    silent = depot.get(f"{ONE}@latest")
    assert silent.status == 1
    assert "401 Unauthorized" in silent.told
    assert "credhelper" not in silent.told

    outcome = depot.get("-x", f"{ONE}@latest")
    assert "GOAUTH=credhelper goauth: could not run command credhelper goauth" in outcome.told
    assert "credhelper: hint: the key, password or session may be wrong" in outcome.told
    assert {visit.scheme for visit in depot.gate.visits} == {""}


def test_setup_wires_go_up_and_takes_it_back(depot: Depot) -> None:
    depot.wire()
    depot.wired.unwire(".config/go/env", "GOAUTH=")

    with depot.wired.set_up("go", "--service", f"https://{depot.host}"):
        depot.gets(ONE, TWO)
        assert depot.wired.counted() == (1, 0)
        assert not depot.gate.refused


def test_a_netrc_that_go_asks_first_fails_the_check(depot: Depot) -> None:
    depot.wire()
    depot.wired.unwire(".config/go/env", "GOAUTH=")
    words = ("setup", "go", "--service", f"https://{depot.host}")
    assert depot.wired.run(*command(), *words).status == 0
    file = depot.wired.world.home / ".config/go/env"
    file.write_text(file.read_text().replace("GOAUTH=", "GOAUTH=netrc; "))
    netrc = depot.wired.world.home / ".netrc"
    netrc.touch(0o600)
    netrc.write_text(f"machine {depot.host} login somebody password something\n")

    assert depot.get(f"{ONE}@latest").status == 1

    assert {visit.username for visit in depot.gate.visits if visit.scheme} == {"somebody"}
    outcome = depot.wired.run(*command(), *words, "--check")
    assert (outcome.status, ".netrc has a login for" in outcome.told) == (3, True)
