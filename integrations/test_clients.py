"""A client that is missing skips its tests, and fails them where it was promised."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from integrations import clients, install

_SOURCES = {"apt", "debian", "environ", "pypi", "npm", "no_deps", "archive", "member"}
_TOLD = {*_SOURCES, "apart", "source", "credhelper", "program", "version", "promised"}


@pytest.mark.parametrize("promised", ["", "git", "git,skopeo", " "])
def test_a_missing_client_skips_with_its_reason(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, promised: str
) -> None:
    monkeypatch.setenv("CREDHELPER_PROMISED", promised)

    with pytest.raises(pytest.skip.Exception, match=r"^no-such-client is not installed"):
        clients.require("no-such-client", request)


@pytest.mark.parametrize(
    "promised", ["no-such-client", "git,no-such-client", "git, no-such-client"]
)
def test_a_missing_client_that_was_promised_fails(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, promised: str
) -> None:
    monkeypatch.setenv("CREDHELPER_PROMISED", promised)

    with pytest.raises(pytest.fail.Exception, match="CREDHELPER_PROMISED"):
        clients.require("no-such-client", request)


@pytest.mark.parametrize(
    ("promised", "outcome"), [("", pytest.skip.Exception), ("shim", pytest.fail.Exception)]
)
def test_a_client_that_does_not_run_is_as_good_as_missing(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    promised: str,
    outcome: type[BaseException],
) -> None:
    shim = tmp_path / "shim"
    shim.write_text("#!/bin/sh\necho 'no toolchain is installed' >&2\nexit 1\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CREDHELPER_PROMISED", promised)
    monkeypatch.setitem(install.TABLE, "shim", {"program": ["shim"]})

    with pytest.raises(outcome, match=r"does not even tell its version: no toolchain is installed"):
        clients.require("shim", request)


def test_a_client_that_is_here_is_taken_down_with_its_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(install.TABLE, "pytest", {"program": ["pytest"]})
    record: Any = SimpleNamespace(node=SimpleNamespace(user_properties=[]))

    assert clients.require("pytest", record).endswith("/pytest")
    assert record.node.user_properties == [("client", f"pytest {pytest.__version__}")]


@pytest.mark.parametrize("name", install.TABLE)
def test_the_table_says_where_each_client_comes_from(name: str) -> None:
    told = install.TABLE[name]
    assert told.keys() <= _TOLD
    sources = told.keys() & {"apt", "pypi", "npm"}
    assert len(sources) <= 1
    assert "program" in told or sources & {"pypi", "npm"} or told.get("source")
    # What CI promises must be had on a new machine, in a version that does not move.
    assert not told.get("promised") or sources
    for what in told.get("pypi", [])[:1] + told.get("npm", [])[:1]:
        assert "==" in what or "@" in what[1:], what
