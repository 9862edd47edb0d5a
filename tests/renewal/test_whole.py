"""Work that a stop does not break off."""

from __future__ import annotations

import _thread
import threading
import time

import pytest

from credhelper.renewal.whole import whole


def test_what_the_work_returns_and_raises_comes_back() -> None:
    def refuse() -> None:
        raise ValueError

    assert whole(lambda: 5) == 5
    with pytest.raises(ValueError):
        whole(refuse)


@pytest.mark.parametrize("times", [1, 3])
def test_a_stop_waits_for_the_work_however_often_it_comes(times: int) -> None:
    done = []

    def work() -> None:
        for _ in range(times):
            _thread.interrupt_main()
            time.sleep(0.05)
        done.append(True)

    with pytest.raises(KeyboardInterrupt):
        whole(work)
    assert done


def test_a_stop_waits_no_longer_than_it_may() -> None:
    over = threading.Event()

    def work() -> None:
        _thread.interrupt_main()
        over.wait(60)

    with pytest.raises(KeyboardInterrupt):
        whole(work, longest=0.1)
    assert not over.is_set()
    over.set()


def test_without_a_thread_to_be_had_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert whole(lambda: 5) == 5
