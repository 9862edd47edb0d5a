"""`credhelper setup aws` needs a profile with `aws`, and writes the region that it knows."""

from __future__ import annotations

from tests.cli.conftest import Person


def test_the_region_that_is_known_is_written_and_kept(person: Person) -> None:
    aws = ("--aws", "folder=fol.0123456789abcdef")
    assert person.types("profile", "add", "main", *aws).status == 0
    words = ("setup", "aws", "--profile", "main")
    path = person.world.home / ".aws/config"
    assert person.types(*words).status == 0
    assert "region" not in path.read_text()
    assert person.types("setup", "aws", "--profile", "main", "--check").status == 0
    assert person.types(*words).status == 0
    text = path.read_text()
    assert text.count("\nregion = ") == 1
    assert "nothing to change" in person.types(*words).stdout.decode()
    assert person.types("setup", "aws", "--undo").status == 0
    assert not path.exists()


def test_a_profile_without_aws_is_told_what_is_missing(person: Person) -> None:
    told = person.types("setup", "aws", "--profile", "main")
    assert told.status == 6
    assert "main does not say what aws credentials are for: it has no key aws" in told.told


def test_a_region_of_theirs_stays(person: Person) -> None:
    aws = ("--aws", "folder=fol.0123456789abcdef")
    assert person.types("profile", "add", "main", *aws).status == 0
    assert person.types("setup", "aws", "--profile", "main").status == 0
    assert person.types("setup", "aws", "--profile", "main", "--check").status == 0
    assert person.types("setup", "aws", "--undo").status == 0
    path = person.world.home / ".aws/config"
    path.parent.mkdir(exist_ok=True)
    text = "[profile main]\nregion = xx-else-9\n"
    path.write_text(text)
    assert person.types("setup", "aws", "--profile", "main").status == 0
    assert path.read_text().count("region = ") == 1
    assert person.types("setup", "aws", "--undo").status == 0
    assert path.read_text() == text
