"""Paths of data in `aws`: what may stand there, and what is refused before anybody is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from credhelper.config import data_path
from credhelper.config.profile import APIS, Profile, Resource
from credhelper.config.schema import read
from credhelper.config.table import Mistake

V2, V1 = "ica", "iap"
PROJECT = "0ba0a4b8-7d1b-4f0e-9a0c-51e2b0a1d0c1"
# What people's paths hold, and what would mean something in a URL or a shell.
KEPT = [
    "/runs/42/", "/a", "/a/b.fastq.gz", "/a b/c/", "/a?b=c&d/", "/a#b", "/100%/", "/a%2Fb/",
    "/ä/é/", "/日本/", "/a:b/", "/a;b/", "/a\\b/", "/'a'/", '/"a"/', "/$HOME/", "/~/", "/.a/",
    "/..a/", "/a../", "/.../", "/a.b/", "/-a/", "/+/", "/@/", "/[a]/", "/{a}/",
    "/" + "x" * 1022 + "/",
]  # fmt: skip
REFUSED = [
    ("/a/../b/", "neither '//'"), ("/../", "neither '//'"), ("/..", "neither '//'"),
    ("/a/..", "neither '//'"), ("/./a", "neither '//'"), ("/a/.", "neither '//'"),
    ("//", "neither '//'"), ("//a/", "neither '//'"), ("/a//b/", "neither '//'"),
    ("/a//", "neither '//'"), ("/", "a folder or file"),
    ("/a\nb/", "control character"), ("/a\0/", "control character"),
    ("/a\x7f/", "control character"), ("/a\x1b[2J/", "control character"),
    ("/a\u2028b/", "control character"),
    ("/a\u202eb/", "control character"), ("/a\u200bb/", "control character"),
    ("/a ", "blanks at its beginning or end"),
    ("/" + "x" * 1024, "at most 1024"),
]  # fmt: skip


def profile(api: str, **aws: Any) -> Profile:
    values = {"api": api, "grant": {"env": "KEY"}, "aws": aws}
    return read("dev", values, lambda path: path)


def named(api: str, path: str, **more: Any) -> Profile:
    if api == V2:
        return profile(V2, project=PROJECT, path=path, **more)
    return profile(V1, path=f"gds://volume{path}", **more)


@pytest.mark.parametrize("api", [V1, V2])
@pytest.mark.parametrize("path", KEPT, ids=json.dumps)
def test_a_path_is_kept_as_it_stands(api: str, path: str) -> None:
    words = (PROJECT, path) if api == V2 else (f"gds://volume{path[:1000]}",)
    found = named(api, path[:1000] if api == V1 else path).aws
    assert found is not None
    assert (found.how, found.words) == ("path" if api == V2 else "gds", words)


@pytest.mark.parametrize("api", [V1, V2])
@pytest.mark.parametrize(("path", "why"), REFUSED, ids=lambda text: json.dumps(text)[:40])
def test_a_path_with_two_meanings_is_refused_at_its_key_and_not_repeated(
    api: str, path: str, why: str
) -> None:
    if path == "/" and api == V1:
        why = "volume = 'ID'"
    with pytest.raises(Mistake, match=why) as caught:
        named(api, path)
    assert caught.value.place == ("profiles", "dev", "aws", "path")
    assert path not in caught.value.message or path in ("/", "//", "/..")


@pytest.mark.parametrize("text", ["runs/42/", "gds://volume/a/", "a", "~/a", "https://x/a/"])
def test_a_path_of_v2_begins_with_a_slash(text: str) -> None:
    with pytest.raises(Mistake, match="begins with '/'"):
        profile(V2, project=PROJECT, path=text)


@pytest.mark.parametrize(
    "text",
    ["/runs/42/", "gds://", "gds:///a/", "gds://volume", "gds:/volume/a/", "GDS://volume/a/",
     "gds://vol ume/a/", "gds://user@volume/a", "gds://volume:1/a", "gds://../a/", "s3://volume/a/",
     "gds://volüme/a/", "gds://a,b/c/"],
)  # fmt: skip
def test_a_path_of_v1_names_its_volume(text: str) -> None:
    with pytest.raises(Mistake, match="expected 'gds://VOLUME/PATH'"):
        profile(V1, path=text)


@pytest.mark.parametrize("text", ["gds://volume/a,b/", "gds://volume/*", "gds://volume/a*/b"])
def test_what_v1_would_read_as_several_paths_is_refused_there_alone(text: str) -> None:
    with pytest.raises(Mistake, match="more than one path"):
        profile(V1, path=text)
    path = text.removeprefix("gds://volume")
    assert profile(V2, project=PROJECT, path=path).aws == Resource(
        "path", (PROJECT, path), False, 36 * 3600
    )


@pytest.mark.parametrize("api", [V1, V2])
def test_keys_that_only_read_are_there_for_a_path_too(api: str) -> None:
    assert set(data_path.CHECKS) == set(APIS)
    found = named(api, "/a/", read_only=True).aws
    assert found is not None
    assert found.read_only


def test_a_path_does_not_go_with_what_the_other_api_calls_data() -> None:
    with pytest.raises(Mistake, match="means nothing to api = 'iap'"):
        profile(V1, project=PROJECT, path="/a/")
    with pytest.raises(Mistake, match="expected exactly one of"):
        profile(V1, folder="fol.1", path="gds://volume/a/")
