"""People who ask why are told, too."""

from __future__ import annotations

import stat

from tests.cli.conftest import Person


def test_the_peoples_door_traces_its_decisions_without_a_secret(person: Person) -> None:
    path = person.world.config.parent / "trace"
    outcome = person.types(
        "login",
        "--url",
        person.api.url,
        stdin=person.api.api_key,
        environ={"CREDHELPER_TRACE": str(path)},
    )
    assert outcome.status == 0, outcome
    told = path.read_text()
    assert "credhelper: trace: " in told
    assert person.api.api_key not in told
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
