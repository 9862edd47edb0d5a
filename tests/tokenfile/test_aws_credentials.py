"""AWS keys in a shared credentials file: one section is ours, and everything else stays."""

from __future__ import annotations

import configparser
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from credhelper.core.model import AWS, Credential, Request, Secret
from credhelper.errors import NotFoundError, RequestError
from credhelper.tokenfile import aws_credentials, formats

NOON = 1800000000
OLD = {"AccessKeyId": "ASIAOLD", "SecretAccessKey": "old/+", "SessionToken": "b2xk=="}
NEW = {"AccessKeyId": "ASIANEW", "SecretAccessKey": "new/+%(x)s", "SessionToken": "bmV3=="}
ENTRY = {
    "aws_access_key_id": "ASIANEW",
    "aws_secret_access_key": "new/+%(x)s",
    "aws_session_token": "bmV3==",
}


def section(profile: str = "work", keys: dict[str, str] = NEW, end: str = "\n") -> str:
    lines = [
        f"[{profile}]",
        f"# credhelper: {keys['AccessKeyId']} of profile {profile}, until 2027-01-15T08:00:00Z",
        f"aws_access_key_id = {keys['AccessKeyId']}",
        f"aws_secret_access_key = {keys['SecretAccessKey']}",
        f"aws_session_token = {keys['SessionToken']}",
    ]
    return "".join(line + end for line in lines)


def put(before: str, keys: dict[str, str] = NEW, profile: str = "work") -> str:
    return aws_credentials.with_section(before, profile, keys, NOON)


def read(text: str) -> dict[str, dict[str, str]] | None:
    """Return what botocore's parser finds, as botocore uses it; None if it cannot read that."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text.replace("\r\n", "\n").replace("\r", "\n"))
    except configparser.Error:
        return None
    return {name: dict(parser.items(name)) for name in parser.sections()}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", section()),
        ("\n", "\n" + section()),
        ("# mine", "# mine\n\n" + section()),
        ("[a]\nx = 1\n", "[a]\nx = 1\n\n" + section()),
        ("[a]\nx = 1", "[a]\nx = 1\n\n" + section()),
        ("[a]\nx = 1\n\n\n", "[a]\nx = 1\n\n\n" + section()),
        ("[a]\r\nx = 1\r\n", "[a]\r\nx = 1\r\n\r\n" + section(end="\r\n")),
        ("[a]\ns3 =\n  x = 1\n", "[a]\ns3 =\n  x = 1\n\n" + section()),
        ("[a]\nx = %(y)s ; z\n", "[a]\nx = %(y)s ; z\n\n" + section()),
        # None of these is our section: `profile` is for the other file, ~/.aws/config.
        ("[works]\nx = 1\n", "[works]\nx = 1\n\n" + section()),
        ("[Work]\nx = 1\n", "[Work]\nx = 1\n\n" + section()),
        ("[profile work]\nx = 1\n", "[profile work]\nx = 1\n\n" + section()),
        ("['work']\nx = 1\n", "['work']\nx = 1\n\n" + section()),
        # An empty section is nobody's.
        ("[work]\n", section()),
        ("[work]\n# why\n\n[a]\nx = 1\n", section() + "# why\n\n[a]\nx = 1\n"),
        ("[work] # why\n[a]\nx = 1\n", "[work] # why\n" + section()[7:] + "[a]\nx = 1\n"),
        # Ours is replaced where it stands, and what somebody added stays.
        (section(keys=OLD), section()),
        (f"{section(keys=OLD)}\n[a]\nx = 1\n", f"{section()}\n[a]\nx = 1\n"),
        (f"[a]\nx = 1\n{section(keys=OLD)}region = eu\n", f"[a]\nx = 1\n{section()}region = eu\n"),
        (section(keys=OLD).rstrip("\n"), section().rstrip("\n")),
        (section(keys=OLD, end="\r\n"), section(end="\r\n")),
        # As other tools may have left it.
        (section(keys=OLD).replace(" = ", "="), section()),
        (section(keys=OLD).replace("aws_access", "AWS_ACCESS"), section()),
        (section(keys=OLD).replace("aws_session_token = b2xk==\n", ""), section()),
        (
            section(keys=OLD).replace("[work]\n", "[work]\n# why\n"),
            f"[work]\n# why\n{section()[7:]}",
        ),
    ],
)
def test_what_is_not_ours_stays_to_the_byte(before: str, after: str) -> None:
    assert put(before) == after
    assert put(after) == after


STATIC = "aws_access_key_id = AKIAMINE\naws_secret_access_key = mine\n"


@pytest.mark.parametrize(
    "before",
    [
        f"[work]\n{STATIC}",
        f"[work]\n{STATIC}aws_session_token = mine\n",
        "[work]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n",
        "[work]\ncredential_process = mine\n",
        "[work]\nregion = eu-west-1\n",
        # Our mark, and a key that somebody put below it, or a mark for another section.
        section(keys=OLD).replace("= ASIAOLD", "= AKIAMINE"),
        section("other", OLD).replace("[other]", "[work]"),
        f"# credhelper: AKIAMINE of profile work, until x\n[work]\n{STATIC}",
        f"[work]\n  # credhelper: AKIAMINE of profile works, until x\n{STATIC}",
        # To some readers it is the same section.
        f"[ work ]\n{STATIC}",
        f"[work\t]\n{STATIC}",
    ],
)
def test_a_section_that_somebody_else_wrote_is_left_alone(before: str) -> None:
    with pytest.raises(RequestError, match="another program wrote the section") as error:
        put(before)
    assert "--to FILE" in (error.value.hint or "")
    assert "mine" not in error.value.message.lower().replace("akiamine", "")


@pytest.mark.parametrize(
    "before",
    [
        "\ufeff[a]\nx = 1\n",
        "\ufeff",
        "x = 1\n",
        "[a]\nx\n",
        "[a]\n = 1\n",
        "[a\nx = 1\n",
        "[a]\nx = 1\n[a]\ny = 1\n",
        "[a]\nx = 1\nX = 2\n",
        f"{section(keys=OLD)}aws_session_token = 2\n",
        f"{section(keys=OLD)}\n{section(keys=OLD)}",
        "notes of somebody\n",
        '{"a": 1}\n',
    ],
)
def test_a_file_that_awss_tools_cannot_read_is_left_alone(before: str) -> None:
    with pytest.raises(RequestError, match="left alone"):
        put(before)


@pytest.mark.parametrize(
    "before",
    [
        # A header to some readers, and a value or a comment to others.
        "[a]\nx = 1\n  [work]\n  y = 1\n",
        "[a]\rx = 1\n[work]\ry = 1\n",
        # What follows a value of ours would be part of the one above.
        f"{section(keys=OLD)}  more\n",
        f"{section(keys=OLD)}  x = 1\n",
    ],
)
def test_what_readers_would_take_apart_differently_is_left_alone(before: str) -> None:
    with pytest.raises(RequestError, match="left alone"):
        put(before)


@pytest.mark.parametrize("member", NEW)
@pytest.mark.parametrize(
    "flaw", ["", "a b", "a#b", "a;b", '"a"', "'a'", "a\\b", "[a]", "a\nb", "é"]
)
def test_no_key_that_readers_differ_about_is_written(member: str, flaw: str) -> None:
    with pytest.raises(RequestError):
        put("", {**NEW, member: flaw})


def test_no_section_is_written_that_would_be_part_of_all_others() -> None:
    with pytest.raises(RequestError, match=r"\[DEFAULT\]"):
        put("[a]\nx = 1\n", profile="DEFAULT")
    assert put("", profile="default") == section("default")


_PIECES = some.sampled_from(
    [
        "[a]", "[b]", "[default]", "[profile a]", "[ c ]", "[work] ", "[work]#", " [d]", "[e] x]",
        "aws_access_key_id = AKIA", "aws_access_key_id=ASIAOLD", "aws_secret_access_key : s",
        "aws_session_token = t # u", "region = eu", "x = %(y)s", "x =", "  y = 1", "\tz", "s3 =",
        "role_arn = r", "# c", "; c", "  # c", "", "  ", "\r", "x = [b]", "[", "]", "é = ü",
        "# credhelper: ASIAOLD of profile work, until 2027-01-15T08:00:00Z",
    ]
)  # fmt: skip
_TEXTS = some.tuples(
    some.sampled_from(["", "", section(keys=OLD), "\ufeff"]),
    some.lists(_PIECES, max_size=10),
    some.sampled_from(["\n", "\r\n"]),
    some.booleans(),
).map(lambda parts: parts[0] + parts[2].join(parts[1]) + (parts[2] if parts[3] else ""))


@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
@given(_TEXTS)
@example("[a]\nx = 1\n[e] x]\n")
@example("[a]\nx =\n  [work]\n")
@example(section(keys=OLD) + "region = eu\r\n" + section(keys=OLD).split("\n")[1])
def test_any_file_says_one_section_more_and_all_else_as_before_or_is_left_alone(
    before: str,
) -> None:
    there = read(before)
    try:
        after = put(before)
    except RequestError:
        return
    assert there is not None
    others = {name: said for name, said in there.items() if name != "work"}
    found = read(after)
    assert found is not None
    assert found.pop("work") == {**there.get("work", {}), **ENTRY}
    assert found == others
    # But for the lines of ours, each line is the one that it was, with the end that it had.
    kept = before.split("\n")
    added = [line for line in after.split("\n") if line not in kept]
    assert {line.rstrip("\r") for line in added} <= {*section().split("\n"), *kept, ""}
    if "work" not in there:
        assert after.startswith(before)
    again = put(after, OLD)
    assert put(again) == after
    assert len(again.split("\n")) == len(after.split("\n"))


def credential(keys: dict[str, str], profile: str = "work") -> Credential:
    token = Secret(json.dumps({**keys, "Region": "eu", "Bucket": "b"}))
    return Credential(token, NOON, username="oauth2", profile=profile, kind=AWS)


def test_keys_have_as_much_life_left_as_for_awss_own_tools() -> None:
    asked = formats.request_for("aws-credentials", "work", None, 5, 60)
    assert (asked.margin, asked.min_ttl, asked.wants, asked.profile) == (1200, 5, AWS, "work")
    assert formats.request_for("aws-credentials", None, None, 0, 7200).margin == 7200
    assert formats.request_for("token", None, None, 0, 60).margin == 600


def test_keys_that_are_none_are_refused() -> None:
    for text in ('{"rclone.type":"azureblob"}', "{}"):
        held = Credential(Secret(text), NOON, username="", profile="work", kind=AWS)
        with pytest.raises(NotFoundError, match="does not lie on AWS"):
            formats.text("aws-credentials", Request("get"), held, "")


def test_a_file_that_needs_nothing_is_left_untouched(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    for _ in range(2):
        told = formats.update(
            str(path), "aws-credentials", Request("get"), credential(NEW), str(tmp_path / "cache")
        )
        assert (path.read_text(), told) == (section(), section())
        seen = path.stat()
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (seen.st_ino, seen.st_mtime_ns)


def test_many_who_keep_sections_of_their_own_in_one_file_undo_nobodys(tmp_path: Path) -> None:
    path, folder = tmp_path / "credentials", str(tmp_path / "cache")
    path.write_text(f"[mine]\n{STATIC}")
    names = [f"p{number}" for number in range(8)]

    def keep(name: str) -> None:
        for number in range(5):
            keys = {**NEW, "AccessKeyId": f"ASIA{name}{number}"}
            held = credential(keys, name)
            formats.update(str(path), "aws-credentials", Request("get"), held, folder)

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(keep, names))
    found = read(path.read_text())
    assert found is not None
    assert found.pop("mine") == {
        "aws_access_key_id": "AKIAMINE",
        "aws_secret_access_key": "mine",
    }
    assert found == {name: {**ENTRY, "aws_access_key_id": f"ASIA{name}4"} for name in names}


WRITER = """
import sys
from tests.tokenfile.test_aws_credentials import NEW, credential
from credhelper.core.model import Request
from credhelper.tokenfile import formats
number = 0
while True:
    held = credential({**NEW, "AccessKeyId": f"ASIA{number}", "SessionToken": "t" * 20000})
    formats.update(sys.argv[1], "aws-credentials", Request("get"), held, sys.argv[2])
    number += 1
    print(number, flush=True)
"""


@pytest.mark.waits
def test_a_writer_that_is_killed_leaves_the_file_whole(tmp_path: Path) -> None:
    folder = tmp_path / "aws"
    folder.mkdir()
    path = folder / "credentials"
    path.write_text(f"[mine]\n{STATIC}")
    for number in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(tmp_path / "cache")],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline()
            time.sleep(number / 1000)
            process.kill()
        found = read(path.read_text())
        assert found is not None
        assert found["mine"]["aws_access_key_id"] == "AKIAMINE"
        assert found["work"]["aws_session_token"] == "t" * 20000
    formats.update(str(path), "aws-credentials", Request("get"), credential(NEW), None)
    assert [each.name for each in folder.iterdir()] == ["credentials"]
