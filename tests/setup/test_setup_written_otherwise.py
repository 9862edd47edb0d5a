"""What a person wrote in another way than we would is read as its tool reads it, and added to."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from credhelper.setup.draft import Draft
from credhelper.setup.formats import yamlplaces, yamltext
from credhelper.setup.plan import Entry
from tests.cli.conftest import Person

URL = "https://git.example"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "text",
    [
        '[registries]\nmine = { index = "sparse+https://git.example/" } # c\nb = {index = "x"}\n',
        '[registries]\nmine = {index="sparse+https://git.example/"}',
        "[registries]\nmine = {}\n",
        '[registries]\nmine.index = "sparse+https://git.example/" # c\nmine.token = "t"\nb.x = 1\n',
        'registries.mine.index = "sparse+https://git.example/"\nz = 1\n[net]\nretry = 1\n',
        'registries.mine = { index = "sparse+https://git.example/" }\n[net]\nretry = 1\n',
        'registries = { mine = { index = "sparse+https://git.example/" } }\n[net]\nretry = 1\n',
        'registries = { b = { index = "x" } }\n',
        '[registries."mine"]\nindex = "sparse+https://git.example/"\n[registries.b]\n',
    ],
)
def test_cargo_with_inline_tables_and_dotted_keys(person: Person, text: str, line_end: str) -> None:
    path = person.world.home / ".cargo/config.toml"
    path.parent.mkdir()
    path.write_bytes(text.replace("\n", line_end).encode())
    before = path.read_bytes()
    words = ("setup", "cargo", "--service", URL, "--name", "mine")
    assert person.types(*words).status == 0
    said = tomllib.loads(path.read_text())
    assert said["registries"]["mine"].pop("credential-provider")
    there = tomllib.loads(before.decode())
    there["registries"].setdefault("mine", {})
    assert said == there
    assert person.types("setup", "cargo", "--check").status == 0
    assert "nothing to change" in person.types(*words).stdout.decode()
    assert person.types(*words, "--undo").status == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        '[model_providers]\np = { base_url = "https://git.example/v1" }\n',
        '[model_providers]\np = { base_url = "https://git.example/v1", q = { a = "b" } } # c\n',
        '[model_providers]\np.base_url = "https://git.example/v1"\np.name = "x"\n[tui]\n',
        'model_providers.p.base_url = "https://git.example/v1"\n',
        'model_providers = { p = { base_url = "https://git.example/v1" } }\n',
    ],
)
def test_codex_with_inline_tables_and_dotted_keys(person: Person, text: str) -> None:
    path = person.world.home / ".codex/config.toml"
    path.parent.mkdir()
    path.write_text(text)
    assert person.types("setup", "codex", "--service", URL).status == 0
    said = tomllib.loads(path.read_text())
    assert said["model_providers"]["p"].pop("auth")["command"]
    assert said == tomllib.loads(text)
    assert person.types("setup", "codex", "--check").status == 0
    assert person.types("setup", "codex", "--undo").status == 0
    assert path.read_text() == text


_KUBECONFIG = """apiVersion: v1
clusters:
- cluster:
    server: https://git.example
  name: work
contexts: []
current-context: ""
kind: Config
preferences: {}
users: null
"""
KUBECTL = ("setup", "kubectl", "--service", URL)


def kubeconfig(person: Person, text: str) -> Path:
    path = person.world.home / ".kube/config"
    path.parent.mkdir()
    path.write_text(text)
    return path


def test_a_kubeconfig_that_kubectl_wrote_anew_is_taken_back(person: Person) -> None:
    path = kubeconfig(person, _KUBECONFIG)
    assert person.types(*KUBECTL).status == 0
    data = yaml.safe_load(path.read_text())
    data["users"][0]["user"]["exec"]["env"] = None
    data["users"].append({"name": "other", "user": {}})
    data["current-context"] = "credhelper@work"
    path.write_text(yaml.safe_dump(data, sort_keys=True))
    outcome = person.types(*KUBECTL, "--undo")
    assert outcome.status == 0
    assert "current-context names credhelper@work, which is gone" in outcome.told
    said = yaml.safe_load(path.read_text())
    assert said["users"] == [{"name": "other", "user": {}}]
    assert not said["contexts"]


@pytest.mark.parametrize("ours_is_first", [True, False])
@pytest.mark.parametrize("current", ["credhelper@work", "mine", "", "never-there"])
@pytest.mark.parametrize("made", [True, False])
def test_a_current_context_in_another_kubeconfig_that_leads_nowhere_is_told_of(
    person: Person, ours_is_first: bool, current: str, made: bool
) -> None:
    """kubectl reads the files of KUBECONFIG as one, and is asked what it makes of them."""
    home = person.world.home
    ours, other = home / "ours", home / "other"
    if not made:
        ours.write_text("apiVersion: v1\nkind: Config\n")
    mine = "contexts:\n- name: mine\n  context: {cluster: work, user: me}\n"
    cluster = f"clusters:\n- name: work\n  cluster: {{server: {URL}}}\n"
    text = f"apiVersion: v1\nkind: Config\n{cluster}{mine}users:\n- name: me\n  user: {{}}\n"
    setting = {"KUBECONFIG": str(ours)}
    assert person.types(*KUBECTL, "--name", "credhelper", environ=setting).status == 0
    context = yaml.safe_load(ours.read_text())["current-context"]
    current = current.replace("credhelper@work", context)
    other.write_text(f"{text}current-context: {current}\n")
    files = [ours, other] if ours_is_first else [other, ours]
    both = {"KUBECONFIG": ":".join(map(str, files))}
    outcome = person.types("setup", "kubectl", "--undo", environ=both)
    assert outcome.status == 0
    assert other.read_text() == f"{text}current-context: {current}\n"
    told = f"~/other: current-context names {current}, which is gone" in outcome.told
    assert told == (current == context), outcome
    if kubectl := shutil.which("kubectl"):
        done = subprocess.run(
            [kubectl, "config", "view", "--minify"],
            capture_output=True,
            env=person.world.environment(both),
            check=False,
        )
        assert (done.returncode != 0) == (current in (context, "never-there", "")), done


def _bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join([*lines, _KUBECONFIG])


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        (_bomb(), "its aliases unfold to too much", "--print"),
        (f"a: &a [*a]\n{_KUBECONFIG}", "its aliases unfold to too much", "--print"),
        (f"{_KUBECONFIG}---\nkind: Config\n", "a second document begins", "remove the others"),
        (json.dumps(yaml.safe_load(_KUBECONFIG)), "it is JSON", "kubectl config view"),
    ],
)
def test_a_kubeconfig_that_is_not_added_to_says_what_to_do(
    person: Person, text: str, told: str, hint: str
) -> None:
    path = kubeconfig(person, text)
    outcome = person.types(*KUBECTL)
    assert (outcome.status, told in outcome.told, hint in outcome.told) == (6, True, True), outcome
    assert path.read_text() == text


def test_aliases_and_merged_keys_of_others_stay(person: Person) -> None:
    text = f"x: &x {{a: b}}\ny:\n  <<: *x\n  c: d\n{_KUBECONFIG}"
    path = kubeconfig(person, text)
    assert person.types(*KUBECTL).status == 0
    assert person.types(*KUBECTL, "--check").status == 0
    assert person.types(*KUBECTL, "--undo").status == 0
    assert path.read_text() == text


def test_each_text_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    compose = yaml.compose

    def counted(text: str, loader: type[yaml.SafeLoader]) -> object:
        parsed.append(text)
        return compose(text, loader)

    monkeypatch.setattr(yaml, "compose", counted)
    yamlplaces.root.cache_clear()
    entry = Entry(("users",), (("x", {"user": {}}),))
    draft = Draft(_KUBECONFIG)
    for _ in range(3):
        yamltext.leaves(draft.text)
        yamlplaces.document(draft.text)
    yamltext.put(draft, entry, {})
    yamltext.leaves(draft.text)
    assert len(parsed) == len(set(parsed)) == 2


@pytest.mark.parametrize(
    ("tool", "file", "text"),
    [
        ("docker", ".docker/config.json", '{"auths": {}, "credHelpers": null}\n'),
        ("docker", ".docker/config.json", '{"credHelpers":null,"auths":null}'),
        ("pip", ".config/pip/pip.conf", "  [global]\n  timeout = 60\n"),
        ("pip", ".config/pip/pip.conf", "; c\n\t[global]\nno-cache = 1\n[install]\nx =\n  [odd]\n"),
        ("terraform", ".terraformrc", 'disable_checkpoint=true\nplugin_cache_dir="/x"\n'),
        ("terraform", ".terraformrc", 'disable_checkpoint =true\nhost "x" { services={a="b"} }\n'),
    ],
)
def test_what_the_tool_reads_is_read(person: Person, tool: str, file: str, text: str) -> None:
    path = person.world.home / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    words = ("setup", tool, "--service", "https://registry.example")
    assert person.types(*words).status == 0
    assert path.read_text() != text
    assert person.types(*words, "--undo").status == 0
    assert path.read_text() == text


def test_an_encrypted_rclone_conf_is_for_rclone_to_change(person: Person) -> None:
    path = person.world.home / ".config/rclone/rclone.conf"
    path.parent.mkdir(parents=True)
    path.write_text("# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nabc\n")
    outcome = person.types("setup", "rclone", "--service", URL)
    assert (outcome.status, "it is encrypted" in outcome.told) == (6, True)
    assert "rclone config" in outcome.told
