"""The program: its one line, its config, its end."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from credhelper.sandbox import extra
from credhelper.sandbox.__main__ import main

ROOT = Path(__file__).parents[2]
RUN = """
import sys, runpy
sys.path.insert(0, {root!r})
{before}
runpy.run_module("credhelper.sandbox", run_name="__main__", alter_sys=True)
"""


def command(*arguments: str, before: str = "pass") -> list[str]:
    code = RUN.format(root=str(ROOT), before=before)
    return [sys.executable, "-I", "-c", code, *arguments]


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], Any]]:
    """Run the sandbox with its temporary files in `folder`, until the end of the block."""
    with subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(folder)},
    ) as process:
        try:
            assert process.stdout
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


def test_the_line_tells_all_that_is_needed(tmp_path: Path) -> None:
    folder = tmp_path / 'a "quoted" \\ folder é\x7f'
    folder.mkdir()
    with running(folder, "--token-lifetime", "60.5") as (process, line):
        names = {"url", "api_key", "username", "password", "pid", "config", "config_v2"}
        assert set(line) == names
        assert line["pid"] == process.pid
        config = tomllib.loads(line["config"])
        profile = config["profiles"]["sandbox"]
        key_file = Path(profile["grant"]["file"])
        assert config == {
            "default_profile": "sandbox",
            "profiles": {
                "sandbox": {
                    "api": "iap",
                    "url": line["url"],
                    "grant": {"file": str(key_file)},
                    "services": [line["url"]],
                }
            },
        }
        config["profiles"]["sandbox"]["api"] = "ica"
        assert tomllib.loads(line["config_v2"]) == config
        assert key_file.read_text() == line["api_key"]
        assert key_file.stat().st_mode & 0o777 == 0o600
        assert key_file.parent.stat().st_mode & 0o777 == 0o700
        assert key_file.parent.parent == folder
        assert get(line["url"] + "/v1/health")


@pytest.mark.parametrize("given", [("12", 12), ("0.5", 0.5)])
def test_another_session_lifetime_is_told_in_the_config(
    tmp_path: Path, given: tuple[str, float]
) -> None:
    with running(tmp_path, "--session-lifetime", given[0]) as (_, line):
        profile = tomllib.loads(line["config"])["profiles"]["sandbox"]
        assert profile["session_lifetime"] == given[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as (process, _):
        assert [found.name.startswith("credhelper-sandbox-") for found in tmp_path.iterdir()] == [
            True
        ]
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=20)
        assert (process.returncode, stdout, stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_a_signal_ends_it_although_a_request_hangs(tmp_path: Path) -> None:
    with running(tmp_path, "--latency", "3600") as (process, line):
        host, port = line["url"].removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as hanging:
            hanging.sendall(b"GET /v1/health HTTP/1.1\r\n\r\n")
            while get(line["url"] + "/_sandbox/stats")["requests"] == 0:
                pass
            process.terminate()
            assert process.wait(20) == 0


def test_it_goes_on_when_nobody_reads_its_line(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(
        command(),
        stdout=writer,
        stderr=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    ) as process:
        os.close(writer)
        try:
            # By then it has its signal handlers, on a machine of any load.
            deadline = time.monotonic() + 20
            while not list(tmp_path.glob("*/api-key")) and time.monotonic() < deadline:
                time.sleep(0.01)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)
            process.terminate()
            _, stderr = process.communicate(timeout=20)
            assert (process.returncode, stderr) == (0, b"")
        finally:
            process.kill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["jwt", "cryptography"])
def test_a_missing_extra_is_said_in_one_clear_line(missing: str) -> None:
    ended = subprocess.run(
        command(before=f"sys.modules[{missing!r}] = None"), capture_output=True, timeout=60
    )
    assert ended.returncode == 2
    assert ended.stdout == b""
    error, hint = ended.stderr.decode().splitlines()
    assert error.startswith("credhelper: error: the sandbox needs ")
    # Another process may find us elsewhere, so another checkout.
    assert re.fullmatch(r"credhelper: hint: .* install '?.*(PyJWT\[crypto\]|\[sandbox\])'?", hint)


@pytest.mark.parametrize(
    ("installer", "origin", "words"),
    [
        ("pip", "", [sys.executable, "-m", "pip", "install"]),
        ("pip", "{", [sys.executable, "-m", "pip", "install"]),
        ("pip", '{"url": "https://x.example/a"}', [sys.executable, "-m", "pip", "install"]),
        ("pip", '{"url": "file:///no/such/folder"}', [sys.executable, "-m", "pip", "install"]),
        ("pip\n", '{"url": "file://%s"}', [sys.executable, "-m", "pip", "install", "%s[sandbox]"]),
        (
            "pip",
            '{"url": "file://%s", "dir_info": {"editable": true}}',
            [sys.executable, "-m", "pip", "install", "-e", "%s[sandbox]"],
        ),
        (
            "uv",
            '{"url": "file://%s"}',
            ["uv", "pip", "install", "--python", sys.executable, "%s[sandbox]"],
        ),
    ],
)
def test_the_extra_is_installed_from_the_checkout_that_we_come_from(
    installer: str,
    origin: str,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkout = tmp_path / "a checkout"
    checkout.mkdir()
    told = {"INSTALLER": installer, "direct_url.json": origin.replace("%s", quote(str(checkout)))}
    found = SimpleNamespace(read_text=lambda name: told[name] or None)
    monkeypatch.setattr(metadata, "distribution", lambda _: found)
    hint = shlex.split(extra.install())
    assert hint[: len(words)] == [word.replace("%s", str(checkout)) for word in words]
    assert hint[-1] in ("PyJWT[crypto]", f"{ROOT}[sandbox]", f"{checkout}[sandbox]")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--port", "x"], "argument --port: invalid int value: 'x'"),
        (["--port", "70000"], "--port must be from 0 to 65535"),
        (["--token-lifetime", "0.9"], "--token-lifetime must be from 1 second to 90 days"),
        (["--session-lifetime", "nan"], "--session-lifetime must be more than 0"),
        (["--latency", "-1"], "--latency must be from 0 to 3600 seconds"),
        (["--lat", "1"], "unrecognized arguments: --lat 1"),
        (["extra"], "unrecognized arguments: extra"),
    ],
)
def test_wrong_use_is_told_in_one_line(argv: list[str], told: str) -> None:
    stdout, stderr = io.BytesIO(), io.StringIO()
    assert main(argv, stdout, stderr) == 2
    assert stdout.getvalue() == b""
    assert stderr.getvalue().startswith(f"credhelper: error: {told}")
    assert stderr.getvalue().count("\n") == 1


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with running(tmp_path) as (_, line):
        stdout, stderr = io.BytesIO(), io.StringIO()
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        assert main(["--port", line["url"].rpartition(":")[2]], stdout, stderr) == 1
        assert stderr.getvalue() == "credhelper: error: cannot start: Address already in use\n"
        assert before == {number: signal.getsignal(number) for number in before}


def test_help_says_what_the_options_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"], io.BytesIO(), io.StringIO()) == 0
    told = capsys.readouterr().out
    for option in ("--port N", "--token-lifetime SECONDS", "--session-lifetime", "--latency"):
        assert option in told
