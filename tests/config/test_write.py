"""Writing the config: whole, under a lock, with the user's own words kept."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from credhelper.config import rewrite
from credhelper.config import write as configfile
from credhelper.config.edit import Tree, edited
from credhelper.errors import CacheError, ConfigError, LockTimeoutError, NotFoundError
from credhelper.storage import files

ENVIRON = {"HOME": "/home/ada"}
KEY: dict[str, Any] = {"grant": {"env": "KEY"}}

OWN_WORDS = """\
# My profiles. Do not touch!
default_profile = 'dev'   # most of the time

# the one at work
[profiles.dev]
grant   =   { env = "KEY" }  # from the keychain
services = [
    "git.example",   # ours
    'HTTPS://Registry.Example:443/a/',
]

# for releases only
[profiles."prod.eu"]
auth = 'session'
min_ttl = "1h"
# the end
"""


class Place:
    """A config file and its lock in a fresh folder, with the functions under test bound to them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "config" / "config.toml"
        self.lock = folder / "state" / "config.lock"

    def write(self, text: str) -> None:
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        self.path.write_bytes(text.encode())
        self.path.chmod(0o600)

    @property
    def text(self) -> str:
        return self.path.read_bytes().decode()

    @property
    def data(self) -> dict[str, Any]:
        return tomllib.loads(self.text)

    def call(self, function: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        return function(str(self.path), str(self.lock), *arguments, environ=ENVIRON, **more)

    def add(self, name: str, values: dict[str, Any], *, make_default: bool = False) -> None:
        self.call(configfile.add_profile, name, values, make_default=make_default)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_profile_makes_the_file_as_a_person_would_write_it(place: Place) -> None:
    values = {"grant": {"file": "~/k"}, "services": ["git.example"], "keep_session": True}
    place.add("dev", values, make_default=True)
    assert place.text == (
        'default_profile = "dev"\n\n[profiles.dev]\ngrant = {file = "~/k"}\n'
        'services = ["git.example"]\nkeep_session = true\n'
    )


def test_another_profile_leaves_all_words_of_the_user_in_place(place: Place) -> None:
    place.write(OWN_WORDS)
    place.add("new", KEY)
    assert place.text.startswith(OWN_WORDS)
    assert place.data["profiles"]["new"] == KEY
    assert place.data["default_profile"] == "dev"


def test_a_profile_that_is_there_holds_exactly_the_new_values(place: Place) -> None:
    place.write(OWN_WORDS)
    place.add("dev", {"grant": {"env": "KEY"}, "cid": "p1"}, make_default=True)
    assert place.data["profiles"]["dev"] == {"grant": {"env": "KEY"}, "cid": "p1"}
    assert 'grant   =   { env = "KEY" }  # from the keychain' in place.text
    assert "# My profiles" in place.text
    assert "# for releases only" in place.text


def test_the_default_is_set_above_all_tables(place: Place) -> None:
    place.write('[profiles.a]\nauth = "session"\n')
    place.call(configfile.set_default, "a")
    assert place.data == {"default_profile": "a", "profiles": {"a": {"auth": "session"}}}
    place.write(OWN_WORDS)
    place.call(configfile.set_default, "prod.eu")
    assert place.text == OWN_WORDS.replace("'dev' ", "'prod.eu' ")


def test_a_removed_profile_takes_its_default_with_it_but_not_its_neighbours_comment(
    place: Place,
) -> None:
    place.write(OWN_WORDS)
    place.call(configfile.remove_profile, "dev")
    assert place.data == {"profiles": {"prod.eu": {"auth": "session", "min_ttl": "1h"}}}
    kept = OWN_WORDS[OWN_WORDS.index("# for releases only") :]
    assert place.text.endswith(kept)
    assert place.text.startswith("# My profiles. Do not touch!\n")


def test_removing_another_profile_leaves_the_default(place: Place) -> None:
    place.write(OWN_WORDS)
    place.call(configfile.remove_profile, "prod.eu")
    assert place.data.keys() == {"default_profile", "profiles"}
    assert place.text == OWN_WORDS[: OWN_WORDS.index('[profiles."prod')] + "# the end\n"


@pytest.mark.parametrize("ends", ["\n", "", "\n\n\n", "\n# the end"])
def test_the_last_profile_can_be_removed_and_added_again(ends: str, place: Place) -> None:
    place.write('default_profile = "a"\n\n[profiles.a]\nauth = "session"' + ends)
    place.call(configfile.remove_profile, "a")
    assert place.data.get("profiles", {}) == {}
    place.add("a", KEY)
    assert place.data == {"profiles": {"a": KEY}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "# nothing yet",
        "[profiles]",
        "[profiles]\n# nothing yet\n",
        '[profiles]\na.auth = "session"\n',
        "profiles = {}",
        'profiles = { a = { auth = "session" } }\n',
        'profiles.a.auth = "session"',
        'profiles.a.auth = "session"\nprofiles.a.services = ["x"]\n',
        '[profiles]\na = { auth = "session" }\n',
        '[profiles.a]\n[profiles.a.grant]\nenv = "KEY"',
        '[profiles.a.grant]\nenv = "KEY"\n[profiles.a]\nservices = []\n',
        '["profiles"]\n"a" = {auth="session"}\n',
        '[profiles.a]\r\nauth = "session"\r\n',
        OWN_WORDS,
    ],
)
@pytest.mark.parametrize("default", [True, False])
def test_whatever_style_a_file_has_a_profile_is_added_or_the_file_stays(
    text: str, default: bool, place: Place
) -> None:
    place.write(text)
    before = tomllib.loads(text)
    try:
        place.add("new", {**KEY, "services": ["x.example"]}, make_default=default)
    except ConfigError as error:
        assert "would damage what is there" in error.message
        assert place.text == text
    else:
        expected = {**before, "profiles": {**before.get("profiles", {})}}
        expected["profiles"]["new"] = {**KEY, "services": ["x.example"]}
        if default:
            expected["default_profile"] = "new"
        assert place.data == expected


names = st.text("abc.-", min_size=1, max_size=3).map("x".__add__)
tables = st.fixed_dictionaries(
    {"grant": st.sampled_from([{"env": "K"}, {"file": "/k"}, {"command": ["a", "b c"]}])},
    optional={
        "cid": st.text("a\"'#\\é [", min_size=1, max_size=5).filter(lambda t: t == t.strip()),
        "services": st.lists(st.sampled_from(["a", "b.example/x"]), max_size=3),
        "keep_session": st.booleans(),
    },
)


@given(st.dictionaries(names, tables, max_size=4), st.data())
def test_a_change_to_any_file_does_what_it_says_or_is_not_made(
    profiles: dict[str, Any], data: st.DataObject
) -> None:
    document = {"profiles": profiles} if profiles else {}
    style = data.draw(st.sampled_from(["tables", "inline"]))
    text = tomlkit.dumps(document)
    if style == "inline" and profiles:
        inline = tomlkit.inline_table()
        inline.update(profiles)
        text = f"profiles = {inline.as_string()}\n"
    name, values = data.draw(names), data.draw(tables)

    def add(root: Tree, text: str) -> None:
        if "profiles" not in root:
            root["profiles"] = {}
        root["profiles"][name] = values

    def remove(root: Tree, text: str) -> None:
        del root["profiles"][name]

    added = edited(text, add)
    if added is not None:
        assert tomllib.loads(added)["profiles"] == {**profiles, name: values}
        removed = edited(added, remove)
        if removed is not None:
            rest = {key: value for key, value in profiles.items() if key != name}
            assert tomllib.loads(removed).get("profiles", {}) == rest


def test_a_service_is_added_once_in_its_normal_form(place: Place) -> None:
    place.write(OWN_WORDS)
    assert place.call(configfile.add_service, "dev", "HTTPS://New.Example:443/x/")
    assert not place.call(configfile.add_service, "dev", "new.example/x")
    assert not place.call(configfile.add_service, "dev", "https://GIT.example/")
    services = place.data["profiles"]["dev"]["services"]
    assert services[2:] == ["https://new.example/x"]
    assert '"git.example",   # ours' in place.text


def test_a_service_is_added_where_there_was_none(place: Place) -> None:
    place.write(OWN_WORDS)
    assert place.call(configfile.add_service, "prod.eu", "git.example")
    assert place.data["profiles"]["prod.eu"]["services"] == ["https://git.example"]


@pytest.mark.parametrize(
    "service", ["http://git.example", "", "a b", "https://u:s3cr3t@git.example"]
)
def test_what_is_no_service_changes_nothing(service: str, place: Place) -> None:
    place.write(OWN_WORDS)
    with pytest.raises(ConfigError, match=r"^service: ") as caught:
        place.call(configfile.add_service, "dev", service)
    assert "s3cr3t" not in caught.value.message
    assert place.text == OWN_WORDS


@pytest.mark.parametrize(
    ("change", "more"),
    [
        (configfile.remove_profile, ()),
        (configfile.set_default, ()),
        (configfile.add_service, ("git.example",)),
    ],
)
def test_a_profile_that_is_not_there_is_named_with_its_likely_meaning(
    change: Callable[..., Any], more: tuple[str, ...], place: Place
) -> None:
    place.write(OWN_WORDS)
    with pytest.raises(NotFoundError, match=r"no profile dve; did you mean 'dev'"):
        place.call(change, "dve", *more)
    with pytest.raises(NotFoundError, match=r"no profile zzz; known profiles: dev, prod.eu"):
        place.call(change, "zzz", *more)
    place.path.unlink()
    with pytest.raises(NotFoundError, match="known profiles: none"):
        place.call(change, "dev", *more)
    assert not place.path.exists()


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("new", {}, "profile new: grant: missing"),
        ("new", {**KEY, "url": "http://ica.example"}, "profile new: url: plain http"),
        ("new", {**KEY, "services": ["a", "b?"]}, r"profile new: services\[1\]: must not"),
        ("new", {"api_key": "s3cr3t"}, "profile new: api_key: this file must not hold a secret"),
        ("new", {"grant": "s3cr3t"}, "profile new: grant: expected"),
        ("new", {**KEY, "cid": "a\nb"}, "profile new: cid: holds a control character"),
        ("-new", KEY, "profile: a profile's name is"),
        ("a\nb", KEY, "profile: a profile's name is"),
    ],
)
def test_wrong_values_are_refused_before_the_file_is_touched(
    name: str, values: dict[str, Any], told: str, place: Place
) -> None:
    with pytest.raises(ConfigError, match=f"^{told}") as caught:
        place.add(name, values)
    assert "s3cr3t" not in f"{caught.value.message}{caught.value.hint}"
    assert not place.path.exists()


@pytest.mark.parametrize("text", ["not toml", "[profiles.dev]\n", "zzz = 1", "\ufeff"])
def test_a_broken_file_is_told_of_and_never_rewritten(text: str, place: Place) -> None:
    place.write(text)
    with pytest.raises(ConfigError, match="line 1"):
        place.add("new", KEY)
    assert place.text == text


def test_a_file_that_anybody_may_write_is_not_built_upon(place: Place) -> None:
    place.write(OWN_WORDS)
    place.path.chmod(0o666)
    with pytest.raises(ConfigError, match="may be written by anybody"):
        place.add("new", KEY)
    assert place.text == OWN_WORDS


def test_a_relative_path_is_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="must be absolute"):
        configfile.add_profile(
            "config.toml", str(tmp_path / "s/l"), "a", KEY, make_default=False, environ=ENVIRON
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_new_files_and_folders_are_private_under_any_umask(umask: int, place: Place) -> None:
    before = os.umask(umask)
    try:
        place.add("dev", KEY)
    finally:
        os.umask(before)
    assert [mode(path) for path in (place.path.parent, place.path)] == [0o700, 0o600]
    assert [mode(path) for path in (place.lock.parent, place.lock)] == [0o700, 0o600]


@pytest.mark.parametrize("old", [0o600, 0o640, 0o644, 0o400])
def test_an_existing_file_keeps_its_mode_and_an_existing_folder_too(old: int, place: Place) -> None:
    place.write(OWN_WORDS)
    place.path.chmod(old)
    place.path.parent.chmod(0o755)
    place.add("new", KEY)
    assert mode(place.path) == old
    assert mode(place.path.parent) == 0o755


def test_a_lock_file_that_was_too_open_is_tightened(place: Place) -> None:
    place.lock.parent.mkdir(mode=0o700)
    place.lock.touch()
    place.lock.chmod(0o666)
    place.add("dev", KEY)
    assert mode(place.lock) == 0o600


def test_a_symlinked_config_stays_one_and_its_target_is_written(
    place: Place, tmp_path: Path
) -> None:
    real = tmp_path / "dotfiles" / "credhelper.toml"
    real.parent.mkdir()
    real.write_bytes(OWN_WORDS.encode())
    place.path.parent.mkdir(mode=0o700)
    place.path.symlink_to("../dotfiles/credhelper.toml")
    place.add("new", KEY)
    assert place.path.is_symlink()
    assert "new" in tomllib.loads(real.read_bytes().decode())["profiles"]
    assert sorted(path.name for path in real.parent.iterdir()) == ["credhelper.toml"]
    real.unlink()
    place.add("again", KEY)
    assert tomllib.loads(real.read_bytes().decode()) == {"profiles": {"again": KEY}}


def test_nothing_is_written_when_nothing_changes(place: Place) -> None:
    place.write(OWN_WORDS)
    before = place.path.stat()
    place.call(configfile.set_default, "dev")
    after = place.path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_another_writer_is_waited_for_within_bounds(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.add("dev", KEY)
    monkeypatch.setattr(rewrite, "LOCK_WAIT", 0.2)
    before = place.text
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX);"
        " print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, place.lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(LockTimeoutError, match="has been changing the config"):
            place.add("new", KEY)
        holder.kill()
    assert place.text == before
    place.add("new", KEY)
    assert "new" in place.data["profiles"]


def test_a_planted_symlink_at_the_lock_is_refused_and_its_target_untouched(
    place: Place, tmp_path: Path
) -> None:
    victim = tmp_path / "bashrc"
    victim.write_bytes(b"precious")
    place.lock.parent.mkdir(mode=0o700)
    place.lock.symlink_to(victim)
    with pytest.raises(CacheError, match="cannot lock"):
        place.add("dev", KEY)
    assert victim.read_bytes() == b"precious"
    assert not place.path.exists()


def test_a_file_system_without_locks_is_told_and_never_locked_softly(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import fcntl

    def missing(*arguments: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", missing)
    with pytest.raises(CacheError, match=r"cannot lock .*: Function not implemented"):
        place.add("dev", KEY)
    assert not place.path.exists()


@pytest.mark.parametrize("step", ["open", "write", "fsync", "replace"])
def test_a_disk_that_says_no_leaves_the_old_file_and_no_rubbish(
    step: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(OWN_WORDS)

    def full(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    really = files.replace

    def replace(path: str, data: bytes, *, durable: bool = False) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(os, step, full)
            really(path, data, durable=durable)

    monkeypatch.setattr(files, "replace", replace)
    with pytest.raises(CacheError, match=r"cannot write .*: No space left on device"):
        place.add("new", KEY)
    assert place.text == OWN_WORDS
    assert [path.name for path in place.path.parent.iterdir()] == ["config.toml"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_the_file_of_another_user_is_not_taken_from_him(place: Place) -> None:
    place.write(OWN_WORDS)
    os.chown(place.path, 4242, 4242)
    with pytest.raises(ConfigError, match=r"belongs to another user \(uid 4242\)"):
        place.add("new", KEY)
    assert place.text == OWN_WORDS


def test_writers_at_the_same_time_lose_nothing_of_each_other(place: Place) -> None:
    place.add("dev", KEY)
    code = (
        "import sys; from credhelper.config import write as configfile\n"
        "for i in range(4): configfile.add_service(sys.argv[1], sys.argv[2], 'dev',"
        " f'h{sys.argv[3]}-{i}.example', environ={'HOME': '/home/ada'})"
    )
    root = str(Path(configfile.__file__).parent.parent.parent)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, place.path, place.lock, str(number)],
            env={"PYTHONPATH": root},
        )
        for number in range(4)
    ]
    assert [writer.wait() for writer in writers] == [0] * 4
    expected = sorted(f"https://h{n}-{i}.example" for n in range(4) for i in range(4))
    assert sorted(place.data["profiles"]["dev"]["services"]) == expected


def test_the_lock_is_free_again_after_a_failure(place: Place) -> None:
    place.write("not toml")
    with pytest.raises(ConfigError):
        place.add("new", KEY)
    with FileLock(place.lock, timeout=0):
        pass
