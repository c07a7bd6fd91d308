"""The server's own key: made once, whoever starts first, and replaced without losing what it signed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zajil.core.signing import SigningKey
from zajil.main import system
from zajil.main.system import KEY_FILE, SystemRandomness, load_signing_keys, rotate_signing_key

WORKERS = 8


def test_workers_that_start_for_the_first_time_at_once_have_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(WORKERS)
    have_looked: set[int] = set()
    exists = Path.exists

    def look_together(path: Path, **options: bool) -> bool:
        found = exists(path, **options)
        if path.name == KEY_FILE and threading.get_ident() not in have_looked:
            have_looked.add(threading.get_ident())
            together.wait(60)  # until all have seen that there is none
        return found

    monkeypatch.setattr(system.Path, "exists", look_together)

    def load(_number: int) -> SigningKey:
        return load_signing_keys(tmp_path, SystemRandomness())[0]

    with ThreadPoolExecutor(WORKERS) as threads:
        keys = {(key.key_id, key.public_key) for key in threads.map(load, range(WORKERS))}
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["signing.key"]


def test_a_key_that_was_replaced_is_remembered(tmp_path: Path) -> None:
    first, none = load_signing_keys(tmp_path, SystemRandomness())
    assert none == ()
    assert rotate_signing_key(tmp_path, SystemRandomness(), 5) != first.key_id
    assert rotate_signing_key(tmp_path, SystemRandomness(), 7) != first.key_id
    current, old = load_signing_keys(tmp_path, SystemRandomness())
    assert current.key_id not in (first.key_id, *(key.key_id for key in old))
    assert [key.expired_ts for key in old] == [7, 5]
    assert (old[1].key_id, old[1].public_key) == (first.key_id, first.public_key)
