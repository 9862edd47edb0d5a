"""AWS credentials by path: the folder or file that lies there now, and a project left as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.renewal.aws.test_live import counts, document, living
from tests.support.sandboxes import AWS_LIFE, RunningSandbox
from tests.support.worlds import World

FOLDER, FILE = "/runs/42/", "/runs/42/reads.fastq.gz"
APIS = ("iap", "ica")


class Place:
    """Where data lies at one API, and a world that is told of it.

    Attributes: `world`; `sandbox`; `api`; `name`, of the project or volume, in the sandbox's tree.
    """

    def __init__(self, world: World, sandbox: RunningSandbox, api: str) -> None:
        self.world = world
        self.sandbox = sandbox
        self.api = api
        self.name = sandbox.projects()["Alpha"] if api == "ica" else "volume"
        world.canaries.append(sandbox.password)

    def aws(self, path: str, **more: Any) -> dict[str, Any]:
        """Return what a profile says of the data at `path`."""
        if self.api == "ica":
            return {"project": self.name, "path": path, **more}
        return {"path": f"gds://{self.name}{path}", **more}

    def configure(self, path: str, **more: Any) -> None:
        main = {"api": self.api, "aws": self.aws(path, **more)}
        self.world.configure(self.sandbox.url, self.sandbox.api_key, main=main)

    def id_at(self, path: str) -> str:
        """Return the id that the sandbox's tree has for `path`."""
        (found,) = [
            one["id"]
            for one in self.sandbox.data()["data"]
            if (one["place"], one["path"]) == (self.name, path)
        ]
        assert isinstance(found, str)
        return found

    def prefix(self) -> str:
        """Return what part of the bucket the keys are for that `credhelper aws` hands over."""
        keys = document(self.world.run("aws"))
        (alive,) = [
            one for one in living(self.sandbox) if one["accessKeyId"] == keys["AccessKeyId"]
        ]
        found: str = alive["prefix"]
        return found


@pytest.fixture(params=APIS)
def place(request: pytest.FixtureRequest, tmp_path: Path, running_sandbox: RunningSandbox) -> Place:
    return Place(World(tmp_path), running_sandbox, request.param)


@pytest.mark.parametrize("path", [FOLDER, FILE])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_path_gives_keys_for_what_lies_there(place: Place, path: str, read_only: bool) -> None:
    place.configure(path, read_only=read_only)
    end = "/" if path == FOLDER else ""
    assert place.prefix() == f"volume/{place.id_at(path)}{end}"
    assert living(place.sandbox)[-1]["readOnly"] is read_only
    assert document(place.world.run("aws")) == document(place.world.run("aws"))
    assert counts(place.sandbox) == (1, 1)
    assert place.sandbox.stats()["requests"] == 3  # a token, the list, the keys


def test_a_herd_looks_it_up_once(place: Place) -> None:
    place.configure(FOLDER)
    herd = [place.world.start("aws") for _ in range(12)]
    told = {document(place.world.finish(one))["AccessKeyId"] for one in herd}
    assert (len(told), counts(place.sandbox)) == (1, (1, 1))
    assert place.sandbox.stats()["requests"] == 3


def test_its_true_end_is_told_and_shown_by_status(place: Place) -> None:
    place.configure(FOLDER)
    expiration = document(place.world.run("aws"))["Expiration"]
    status = json.loads(place.world.run("status", "--json").stdout)["profiles"][0]["aws"]
    assert (status["expires_at"], status["assumed"]) == (expiration, False)
    assert AWS_LIFE - 5 <= status["lifetime"] <= AWS_LIFE
    assert status["id"][-1].endswith(FOLDER)


def test_nothing_in_the_project_is_changed_by_any_format(place: Place) -> None:
    before = place.sandbox.data()
    for read_only in (False, True):
        for path in (FOLDER, FILE):
            place.configure(path, read_only=read_only)
            for form in ("process", "env", "rclone", "url", "details"):
                assert place.world.run("aws", "--format", form).status == 0
    assert place.sandbox.stats()["exchanged"] == 4
    assert place.sandbox.data() == before


def test_what_would_open_an_upload_session_is_seen(
    running_sandbox: RunningSandbox,
) -> None:
    project = running_sandbox.projects()["Alpha"]
    running_sandbox.open_upload_session(project, "fol.1")
    (session,) = running_sandbox.data()["uploadSessions"]
    assert (session["project"], session["data"], session["status"]) == (project, "fol.1", "OPEN")


def renewed(place: Place) -> str:
    """Return what the next keys are for, once these have ended."""
    place.world.age(AWS_LIFE)
    return place.prefix()


def test_a_folder_that_was_made_anew_has_keys_of_its_own_at_the_next_exchange(
    place: Place,
) -> None:
    place.configure(FOLDER)
    old = place.id_at(FOLDER)
    assert place.prefix() == f"volume/{old}/"
    place.sandbox.put_data(old, place.name, None)
    place.sandbox.put_data("fol.second", place.name, FOLDER)
    assert renewed(place) == "volume/fol.second/"


def test_a_folder_that_was_renamed_gives_no_more_keys(place: Place) -> None:
    place.configure(FOLDER)
    place.prefix()
    place.sandbox.put_data(place.id_at(FOLDER), place.name, "/runs/forty-two/")
    place.world.age(AWS_LIFE)
    outcome = place.world.run("aws")
    assert (outcome.status, outcome.stdout) == (5, b"")
    where = "project" if place.api == "ica" else "volume"
    assert f"there is no folder /runs/42/ in {where} {place.name}" in outcome.told
    assert "credhelper: hint: correct the path" in outcome.told
    assert place.sandbox.stats()["exchanged"] == 1


@pytest.mark.parametrize("other", ["/Runs/42/", "/RUNS/42/"])
def test_a_folder_in_another_case_is_not_it(place: Place, other: str) -> None:
    place.sandbox.put_data(place.id_at(FOLDER), place.name, other)
    place.configure(FOLDER)
    outcome = place.world.run("aws")
    assert (outcome.status, outcome.stdout) == (5, b"")
    if place.api == "ica":  # v1 lists the exact path alone
        assert f"name it as it is called there, {other}" in outcome.told
    place.sandbox.put_data("fol.right", place.name, FOLDER)
    place.configure(FOLDER, read_only=True)
    assert place.prefix() == "volume/fol.right/"


def test_two_folders_at_one_path_are_refused_with_their_ids(place: Place) -> None:
    place.sandbox.put_data("fol.twin", place.name, FOLDER)
    place.configure(FOLDER)
    outcome = place.world.run("aws")
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert "there are 2 folders /runs/42/" in outcome.told
    assert "fol.twin" in outcome.told
    assert place.sandbox.stats()["exchanged"] == 0


def test_a_folder_is_no_file_and_a_file_no_folder(place: Place) -> None:
    for path, kind in ((FOLDER.rstrip("/"), "file"), (f"{FILE}/", "folder")):
        place.configure(path)
        outcome = place.world.run("aws")
        assert (outcome.status, outcome.stdout) == (5, b"")
        assert f"there is no {kind} {path} in" in outcome.told
        assert "ends in / is a folder, any other a file" in outcome.told


@pytest.mark.parametrize(
    "path",
    [
        "/a b/c d/",
        "/a?b=c&d/",
        "/a#b/",
        "/100%/",
        "/a%2Fb/",
        "/ä/é/",
        "/日本/読み.fq",
        "/a+b/",
        "/'/",
    ],
)
def test_whatever_a_path_holds_it_finds_its_own_folder_among_neighbours(
    place: Place, path: str
) -> None:
    for number, other in enumerate((path.upper() + "x/", "/a/", "/a b/", "/a/b/", "/100/")):
        place.sandbox.put_data(f"fol.other{number}", place.name, other)
    place.sandbox.put_data("fil.right" if path[-1] != "/" else "fol.right", place.name, path)
    place.configure(path)
    assert "right" in place.prefix()


def test_of_hundreds_in_other_cases_the_one_is_found(
    tmp_path: Path, running_sandbox: RunningSandbox
) -> None:
    place = Place(World(tmp_path), running_sandbox, "ica")
    name = "abcdefgh"
    for number in range(255):
        mixed = "".join(
            char.upper() if number >> bit & 1 else char for bit, char in enumerate(name)
        )
        running_sandbox.put_data(f"fol.{number}", place.name, f"/{mixed}/")
    place.configure("/aBCDefgh/")
    assert place.prefix() == "volume/fol.14/"
    assert running_sandbox.stats()["requests"] == 2 + 3


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "answer",
    [
        {"body": "<html>log in</html>", "status": 200},
        {"json": {}},
        {"json": {"items": "none"}},
        {"json": {"items": [{}, None, 5]}},
        {"json": {"items": [{"data": {"id": "../../evil"}}]}},
        {"status": 404},
        {"status": 403},
    ],
    ids=["html", "nothing", "a text", "no items", "nonsense", "404", "403"],
)
def test_a_list_that_makes_no_sense_gives_no_keys(place: Place, answer: dict[str, Any]) -> None:
    place.configure(FOLDER)
    lists = "/v1/folders" if place.api == "iap" else "/ica/rest/api/projects"
    place.sandbox.fault({"path": lists, "method": "GET", "times": "always", **answer})
    outcome = place.world.run("aws")
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert "credhelper: error: " in outcome.told
    assert "Traceback" not in outcome.told
    assert place.sandbox.stats()["exchanged"] == 0


def test_who_logs_in_with_a_path_gets_keys_and_sees_it_as_it_was_told(
    tmp_path: Path, running_sandbox: RunningSandbox
) -> None:
    world = World(tmp_path)
    project = running_sandbox.projects()["Alpha"]
    words = ["login", "--api", "ica", "--url", running_sandbox.url, "--project", "Alpha"]
    stdin = running_sandbox.api_key.encode()
    outcome = world.run(*words, "--aws", f"path={FOLDER},read_only", stdin=stdin)
    assert outcome.status == 0, outcome
    shown = json.loads(world.run("profile", "show", "--json").stdout)["aws"]
    assert shown == f"project={project},path={FOLDER},read_only"
    assert world.run("profile", "add", "default", "--aws", shown).status == 0
    assert json.loads(world.run("profile", "show", "--json").stdout)["aws"] == shown
    assert document(world.run("aws"))["Version"] == 1
    assert f"{shown}: temporary key".encode() in world.run("status").stdout
