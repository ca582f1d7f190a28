"""Addresses of input pictures, as long as they live."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ideogram_pipeline.generation.database import open_journal
from ideogram_pipeline.generation.uploads import Uploads
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.generation.fakes import NOW


def test_an_address_is_known_until_shortly_before_it_ends(tmp_path: Path) -> None:
    with open_journal(Settings.load(home=tmp_path)) as database:
        uploads = Uploads(database, "https://api")
        uploads.remember("abc", "https://cdn/u.png", expires_at=NOW)
        assert uploads.url("abc", alive_at=NOW) is None
        assert uploads.url("abc", alive_at=NOW - timedelta(minutes=1)) == "https://cdn/u.png"
        assert uploads.url("other", alive_at=NOW - timedelta(hours=1)) is None


def test_each_provider_has_its_own_and_a_forgotten_one_is_gone(tmp_path: Path) -> None:
    with open_journal(Settings.load(home=tmp_path)) as database:
        here, there = Uploads(database, "https://api"), Uploads(database, "https://other")
        for uploads, url in ((here, "https://a"), (here, "https://b"), (there, "https://c")):
            uploads.remember("abc", url, expires_at=NOW)
        before = NOW - timedelta(minutes=1)
        assert here.url("abc", alive_at=before) == "https://b"
        here.forget(["abc"])
        assert here.url("abc", alive_at=before) is None
        assert there.url("abc", alive_at=before) == "https://c"


def test_the_journal_is_read_once_for_each_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_journal(Settings.load(home=tmp_path)) as database:
        Uploads(database, "https://api").remember("abc", "https://a", expires_at=NOW)
        uploads = Uploads(database, "https://api")
        early = NOW - timedelta(minutes=1)
        assert uploads.url("abc", alive_at=early) == "https://a"
        with monkeypatch.context() as locked:
            locked.setattr(database, "read", lambda: pytest.fail("read again"))
            assert uploads.url("abc", alive_at=early) == "https://a"
        # What ends is looked for again, since another run may have uploaded it meanwhile.
        later = NOW + timedelta(hours=1)
        Uploads(database, "https://api").remember("abc", "https://b", expires_at=later)
        assert uploads.url("abc", alive_at=NOW) == "https://b"
