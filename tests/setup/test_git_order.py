"""Sections for a URL and for parts of it in one gitconfig: real git shows which helper it asks."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credhelper.setup.draft import Draft
from credhelper.setup.formats import Made, Unfit, gitconfig
from credhelper.setup.plan import Entry
from tests.support.programs import clean_environment

HOST = "https://git.example"
OURS = [HOST, f"{HOST}/team", f"{HOST}/team/a"]
THEIRS = [
    "",
    "https://*.example",
    "HTTPS://GIT.example:443/",
    "https://git.example:8443/team",
    "https://unrelated.test",
    f"{HOST}/team",
    f"{HOST}/team/a/",
    f"{HOST}/team/a/b",
    f"{HOST}/teammate",
]
ASKED = [HOST, f"{HOST}/team/r", f"{HOST}/team/a/r", f"{HOST}/team/a/b/r", f"{HOST}/teammate/r"]


def entry(service: str) -> Entry:
    """Return what `setup git` puts in, with a helper that tells its name and answers nothing."""
    return Entry(("credential", service), (("helper", ""), ("helper", helper(f"ours:{service}"))))


def helper(name: str) -> str:
    return f"!echo {name} >> asked; :"


def foreign(number: int, url: str, *, empties: bool) -> str:
    header = f'[credential "{url}"]' if url else "[credential]"
    reset = "\thelper =\n" if empties else ""
    return f'{header}\n{reset}\thelper = "{helper(f"{number}:{url}")}"\n'


def asked(folder: Path, text: str, url: str) -> list[str]:
    """Return whose helpers git asks about `url`, in their order."""
    (folder / "config").write_text(text)
    (folder / "asked").write_text("")
    subprocess.run(
        ["git", "credential", "fill"],
        input=f"url={url}\n\n".encode(),
        capture_output=True,
        cwd=folder,
        env={
            **clean_environment(folder),
            "GIT_CONFIG_GLOBAL": str(folder / "config"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        },
        check=False,
    )
    return (folder / "asked").read_text().split()


def covers(url: str, other: str) -> bool:
    return f"{other.rstrip('/')}/".startswith(f"{url.rstrip('/')}/")


def put(text: str, service: str) -> str:
    draft = Draft(text)
    gitconfig.put(draft, entry(service), Made())
    return draft.text


@pytest.mark.parametrize("order", list(itertools.permutations(OURS)))
def test_of_our_own_the_deepest_answers_whichever_came_first(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    text = ""
    for service in order:
        text = put(text, service)
    for url in ASKED:
        deepest = max((one for one in OURS if covers(one, url)), key=len)
        assert asked(tmp_path, text, url) == [f"ours:{deepest}"]
        best = subprocess.run(
            ["git", "config", "--file", "config", "--get-urlmatch", "credential.helper", url],
            capture_output=True,
            cwd=tmp_path,
            check=True,
        )
        assert best.stdout.decode().strip() == helper(f"ours:{deepest}")


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    theirs=st.lists(st.tuples(st.sampled_from(THEIRS), st.booleans()), max_size=4),
    services=st.lists(st.sampled_from(OURS), min_size=1, max_size=2, unique=True),
)
def test_what_somebody_has_for_a_part_goes_on_being_asked_and_nobody_else_is_told(
    tmp_path: Path, theirs: list[tuple[str, bool]], services: list[str]
) -> None:
    sections = [
        foreign(number, url, empties=empties) for number, (url, empties) in enumerate(theirs)
    ]
    before = text = "".join(sections)
    try:
        for service in services:
            text = put(text, service)
    except Unfit:
        parts = [url.rstrip("/") != service and covers(service, url) for url, _ in theirs]
        assert True in parts
        assert not all(parts[parts.index(True) :])
        return
    for url in ASKED:
        deepest = max((one for one in services if covers(one, url)), key=len, default="")
        found = asked(tmp_path, text, url)
        if not deepest:
            assert found == asked(tmp_path, before, url)
            continue
        deeper = [
            (of, empties, section)
            for (of, empties), section in zip(theirs, sections, strict=True)
            if of.rstrip("/") != deepest and covers(deepest, of)
        ]
        kept = asked(tmp_path, "".join(section for _, _, section in deeper), url)
        emptied = any(empties and covers(of, url) for of, empties, _ in deeper)
        assert found == ([] if emptied else [f"ours:{deepest}"]) + kept
