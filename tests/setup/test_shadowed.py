"""A check fails where the tool believes something else before what was set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.conftest import Person
from tests.setup.cases import CANARY, CASES
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import Outcome, World


@dataclass(frozen=True)
class Row:
    """What comes before a setup of `tool`.

    Parameters: `told`, what a check says of it; `files`, texts by path below the home, in which
    WIRED is what setup has written there; `environ`, variables, with `{home}` in them.
    """

    tool: str
    told: str
    files: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)


AWS, BAZEL, PIP, RCLONE, UV = (CASES[tool].file for tool in ("aws", "bazel", "pip", "rclone", "uv"))
KEYS = f"[main]\naws_access_key_id = me\naws_secret_access_key = {CANARY}\n"
LOGIN = '{"auths": {"%s": {"auth": "bWU6cHc="}}}'
RUNTIME = "../run/containers/auth.json"
STORED = ".terraform.d/credentials.tfrc.json"

ROWS = [
    Row("aws", "credentials has aws_access_key_id in [main]", {".aws/credentials": KEYS}),
    Row(
        "aws",
        "credentials has credential_process in [main]",
        {".aws/credentials": "[main]\ncredential_process = x\n"},
    ),
    Row("aws", "has role_arn in [profile main]", {AWS: "WIREDrole_arn = arn:aws:iam::1:role/x\n"}),
    Row(
        "aws",
        "keys has aws_access_key_id",
        {"keys": KEYS},
        {"AWS_SHARED_CREDENTIALS_FILE": "{home}/keys"},
    ),
    Row("rclone", "has bearer_token in", {RCLONE: f"WIREDbearer_token = {CANARY}\n"}),
    Row("rclone", "has user in [credhelper]", {RCLONE: "WIREDuser = me\n"}),
    Row("rclone", "WEBDAV_BEARER_TOKEN is set", {}, {"RCLONE_WEBDAV_BEARER_TOKEN": CANARY}),
    Row("rclone", "CONFIG_CREDHELPER_USER is set", {}, {"RCLONE_CONFIG_CREDHELPER_USER": "me"}),
    Row(
        "terraform",
        "has credentials for modules.example",
        {".terraformrc": f'WIREDcredentials "Modules.example" {{\n  token = "{CANARY}"\n}}\n'},
    ),
    Row(
        "terraform",
        "credentials.tfrc.json has credentials",
        {STORED: '{"credentials": {"modules.example": {"token": "x"}}}'},
    ),
    Row("terraform", "modules_example is set", {}, {"TF_TOKEN_modules_example": CANARY}),
    Row("containers", "has a login for registry.example", {RUNTIME: LOGIN % "registry.example"}),
    Row("containers", "for registry.example/team", {RUNTIME: LOGIN % "registry.example/team"}),
    Row("pip", "in [install]", {PIP: "WIRED[install]\nkeyring-provider = disabled\n"}),
    Row("pip", "in [download]", {".pip/pip.conf": "[download]\n--Keyring_Provider = import\n"}),
    Row(
        "pip",
        "venv/pip.conf has another keyring-provider in [global]",
        {"venv/pip.conf": "[global]\nkeyring-provider = disabled\n"},
        {"VIRTUAL_ENV": "{home}/venv"},
    ),
    Row(
        "pip",
        "pip.conf has a password in the URL of https://pypi.example/simple",
        {PIP: f"WIREDindex-url = https://me:{CANARY}@PyPI.example:443/simple/\n"},
    ),
    Row(
        "pip",
        "PIP_EXTRA_INDEX_URL has a password",
        {},
        {"PIP_EXTRA_INDEX_URL": f"https://a.example https://:{CANARY}@pypi.example/simple/x"},
    ),
    Row("pip", "PIP_KEYRING_PROVIDER is set", {}, {"PIP_KEYRING_PROVIDER": "disabled"}),
    Row("uv", "in [pip]", {UV: 'WIRED[pip]\nkeyring-provider = "disabled"\n'}),
    Row("uv", "UV_KEYRING_PROVIDER is set", {}, {"UV_KEYRING_PROVIDER": "disabled"}),
    Row(
        "bazel",
        "/bin/false",
        {BAZEL: "WIREDcommon --jobs=4 --credential_helper=builds.example=/bin/false\n"},
    ),
    Row(
        "bazel",
        "/bin/false",
        {BAZEL: "build --credential_helper \\\n 'builds.example=/bin/false'\nWIRED"},
    ),
    Row("vault", "VAULT_TOKEN is set", {}, {"VAULT_TOKEN": CANARY}),
    Row("bao", "BAO_TOKEN is set", {}, {"BAO_TOKEN": CANARY}),
    Row("databricks", "DATABRICKS_AUTH_TYPE is set", {}, {"DATABRICKS_AUTH_TYPE": "pat"}),
    Row("databricks", "DATABRICKS_HOST is set", {}, {"DATABRICKS_HOST": "https://x.example"}),
    Row(
        "cargo",
        "REGISTRIES_MINE_CREDENTIAL_PROVIDER is set",
        {},
        {"CARGO_REGISTRIES_MINE_CREDENTIAL_PROVIDER": "cargo:token"},
    ),
]


class Wirer(Person):
    """Somebody with one tool, and without any file of it. Attributes: `tool`."""

    def __init__(self, world: World, api: RunningSandbox, tool: str) -> None:
        super().__init__(world, api)
        self.tool = tool
        case = CASES[tool]
        world.canaries.append(CANARY)
        own = f"{world.home}/.local/share/credhelper/bin:{world.root}/tools"
        world.environ["PATH"] = f"{own}:{world.environ['PATH']}"
        world.configure(
            api.url, api.api_key, main={"services": [case.service, case.other], **case.keys}
        )
        self.has_pip("26.3")

    def sets_up(self, *words: str, environ: Mapping[str, str] | None = None) -> Outcome:
        """Run `credhelper setup` for the row of this tool."""
        options = CASES[self.tool].options
        given = ("--service", CASES[self.tool].service, *options)
        return self.types("setup", self.tool, *given, *words, environ=environ)

    def has_pip(self, version: str) -> None:
        """Put a pip on PATH of which nothing counts but what it says of its version."""
        text = f"#!/bin/sh\necho 'pip {version} from /usr/lib/python3/pip (python 3.13)'\n"
        self.put("../tools/pip", text).chmod(0o755)

    def put(self, name: str, text: str) -> Path:
        """Let a file below the home hold `text`."""
        path = self.world.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.tool}: {row.told}")
def test_what_comes_first_fails_the_check(
    tmp_path: Path, running_sandbox: RunningSandbox, row: Row
) -> None:
    wirer = Wirer(World(tmp_path), running_sandbox, row.tool)
    assert wirer.sets_up().status == 0
    assert wirer.sets_up("--check").status == 0
    own = wirer.world.home / CASES[row.tool].file
    wired = own.read_text()
    for name, text in row.files.items():
        wirer.put(name, text.replace("WIRED", wired))
    environ = {name: value.format(home=wirer.world.home) for name, value in row.environ.items()}
    outcome = wirer.sets_up("--check", environ=environ)
    assert (outcome.status, row.told in outcome.told) == (3, True), outcome


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ("bazel", "WIREDcommon --credential_helper=/bin/false\n"),
        ("bazel", "WIREDcommon --credential_helper=*.example=/bin/false\n"),
        ("bazel", "WIREDtest --credential_helper=builds.example=/bin/false # 'mine\n"),
        ("bazel", "WIREDcommon:slow --credential_helper=builds.example=/bin/false\n"),
        ("pip", "WIRED[install]\nkeyring-provider = subprocess\n"),
        ("terraform", 'WIREDcredentials "else.example" {\n}\n'),
    ],
)
def test_what_does_not_come_first_is_no_trouble(
    tmp_path: Path, running_sandbox: RunningSandbox, tool: str, text: str
) -> None:
    wirer = Wirer(World(tmp_path), running_sandbox, tool)
    assert wirer.sets_up().status == 0
    own = wirer.world.home / CASES[tool].file
    wirer.put(CASES[tool].file, text.replace("WIRED", own.read_text()))
    assert wirer.sets_up("--check").status == 0


USER = "index-url = https://oauth2@pypi.example/simple/\n"
ELSEWHERE = "index-url = https://oauth2@other.example/simple/\n"


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("version", "settings", "told"),
    [
        ("26.3", "", ""),
        ("26.2", "", ""),
        ("27.0.dev0", "", ""),
        ("26.2", USER, ""),
        ("26.2b1", ELSEWHERE, ""),
        ("26.1.2", "", "pip 26.1.2 asks a keyring only where the index's URL holds a user name"),
        ("23.1", ELSEWHERE, "pip 23.1 asks a keyring only where the index's URL holds a user name"),
        ("26.1", USER, ""),
        ("23.1.2", USER.replace("oauth2", "main"), ""),
        ("26.1", USER.replace("oauth2", "somebody"), "keyring on PATH: "),
        ("26.2", USER.replace("oauth2", "somebody"), "keyring on PATH: "),
        ("23.0.1", USER, "pip 23.0.1 knows no keyring-provider"),
        ("9", "", "pip 9 knows no keyring-provider"),
    ],
)
def test_pip_is_asked_in_the_way_of_its_version(
    tmp_path: Path, running_sandbox: RunningSandbox, version: str, settings: str, told: str
) -> None:
    wirer = Wirer(World(tmp_path), running_sandbox, "pip")
    assert wirer.sets_up().status == 0
    wirer.has_pip(version)
    own = wirer.world.home / PIP
    own.write_text(own.read_text() + settings)
    outcome = wirer.sets_up("--check")
    assert (outcome.status, told in outcome.told) == (3 if told else 0, True), outcome
    if "user name" in told:
        (hint,) = [line for line in outcome.told.splitlines() if "hint" in line]
        before, _, line = hint.partition("give the index a user name: ")
        assert "pip install --upgrade 'pip>=26.2'" in before
        own.write_text(f"{own.read_text()}extra-{line}\n")
        assert wirer.sets_up("--check").status == 0


def test_a_pip_that_is_not_there_does_not_work(
    tmp_path: Path, running_sandbox: RunningSandbox
) -> None:
    wirer = Wirer(World(tmp_path), running_sandbox, "pip")
    assert wirer.sets_up().status == 0
    folder = wirer.world.home / ".local/share/credhelper/bin"
    outcome = wirer.sets_up("--check", environ={"PATH": str(folder)})
    assert (outcome.status, "no pip is on PATH" in outcome.told) == (3, True), outcome


def test_a_netrc_that_go_asks_first_fails_the_check(
    tmp_path: Path, running_sandbox: RunningSandbox
) -> None:
    wirer = Wirer(World(tmp_path), running_sandbox, "go")
    words = ("setup", "go", "--service", CASES["go"].other)
    assert wirer.types(*words).status == 0
    own = wirer.world.home / CASES["go"].file
    wirer.put(CASES["go"].file, own.read_text().replace("GOAUTH=", "GOAUTH=netrc; "))
    for machine, status in (("", 0), ("other.example:8443", 0), ("other.example", 3)):
        wirer.put(".netrc", f"machine {machine} login me password {CANARY}\n")
        outcome = wirer.types(*words, "--check")
        assert outcome.status == status, outcome
    assert ".netrc has a login for other.example" in outcome.told


def test_the_files_of_kubectl_are_read_as_one(
    tmp_path: Path, running_sandbox: RunningSandbox
) -> None:
    wirer = Wirer(World(tmp_path), running_sandbox, "kubectl")
    first = wirer.put("first", "kind: Config\napiVersion: v1\n")
    second = wirer.put("second", CASES["kubectl"].foreign.replace('context: ""', "context: mine"))
    before = (first.read_text(), second.read_text())
    several = {"KUBECONFIG": f"{first}:{second}"}
    outcome = wirer.sets_up(environ=several)
    assert (outcome.status, "use-context credhelper@work" in outcome.told) == (0, True), outcome
    # The cluster is described elsewhere, with its CA; and whose context is current stays.
    assert "clusters:" not in first.read_text()
    assert "cluster: work\n" in first.read_text()
    assert "current-context" not in first.read_text()
    assert second.read_text() == before[1]
    assert wirer.sets_up("--check", environ=several).status == 0
    turned = {"KUBECONFIG": f"{second}:{first}"}
    assert wirer.sets_up("--check", environ=turned).status == 0
    assert wirer.sets_up("--undo", environ=several).status == 0
    assert (first.read_text(), second.read_text()) == before


@pytest.mark.parametrize(
    ("tool", "variable"),
    [
        ("aws", "AWS_CONFIG_FILE"),
        ("cargo", "CARGO_HOME"),
        ("containers", "REGISTRY_AUTH_FILE"),
        ("docker", "DOCKER_CONFIG"),
        ("git", "GIT_CONFIG_GLOBAL"),
        ("go", "GOENV"),
        ("kubectl", "KUBECONFIG"),
        ("pip", "PIP_CONFIG_FILE"),
        ("pnpm", "npm_config_userconfig"),
        ("rclone", "RCLONE_CONFIG"),
        ("terraform", "TF_CLI_CONFIG_FILE"),
        ("uv", "UV_CONFIG_FILE"),
    ],
)
@pytest.mark.parametrize("value", ["mine/config", "~/config"])
def test_a_file_that_depends_on_the_folder_is_refused(
    tmp_path: Path, running_sandbox: RunningSandbox, tool: str, variable: str, value: str
) -> None:
    wirer = Wirer(World(tmp_path), running_sandbox, tool)
    for words in ((), ("--print",)):
        outcome = wirer.sets_up(*words, environ={variable: value})
        assert (outcome.status, variable in outcome.told) == (6, True), outcome
    assert wirer.sets_up("--check", environ={variable: value}).status != 0
    assert not any(wirer.world.home.iterdir())


def test_what_a_foreign_helper_says_is_not_repeated(
    tmp_path: Path, running_sandbox: RunningSandbox
) -> None:
    wirer = Wirer(World(tmp_path), running_sandbox, "docker")
    helper = wirer.put("bin/docker-credential-foreign", f"#!/bin/sh\necho {CANARY}\n")
    helper.chmod(0o755)
    path = {"PATH": f"{helper.parent}:{wirer.world.environ['PATH']}"}
    wirer.put(CASES["docker"].file, '{"credHelpers": {"registry.example": "foreign"}}')
    assert wirer.sets_up("--check", environ=path).status == 3
    restish = Wirer(wirer.world, wirer.api, "restish")
    line = f'{{"name": "external-tool", "params": {{"commandline": "KEY={CANARY} false"}}}}'
    api = f'{{"team": {{"base": "https://api.example", "profiles": {{"default": {{"auth": {line}'
    restish.put(CASES["restish"].file, api + "}}}}")
    assert restish.sets_up("--check").status == 3


@pytest.mark.parametrize("port", ["", ":443", ":8443"])
def test_a_port_that_wget_will_not_tell_is_told_of(
    tmp_path: Path, running_sandbox: RunningSandbox, port: str
) -> None:
    world = World(tmp_path)
    service = f"https://files.example{port}"
    world.configure(running_sandbox.url, running_sandbox.api_key, main={"services": [service]})
    person = Person(world, running_sandbox)
    words = ("setup", "askpass", "--service", service)
    told = "not for wget: it asks about files.example, without the port"
    for more in ((), ("--check",)):
        outcome = person.types(*words, *more)
        assert outcome.status == 0, outcome
        assert (told in outcome.told + outcome.stdout.decode()) == (port == ":8443")
    asked = world.run("askpass", "Password for 'https://main@files.example': ")
    assert (asked.status == 0) == (port != ":8443")
