"""The last way of pictures: content, name, and what names it, for good and over nobody's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.generation.filing import Filed, Filing, file_together, hash_of
from ideogram_pipeline_tests.disk_steps import DiskSteps


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> DiskSteps:
    return DiskSteps(monkeypatch)


def filing(folder: Path, place: str, content: bytes = b"new") -> Filing:
    """A file that has arrived, and is to go to ``place`` in ``images``."""
    part = folder / f"{place.replace('/', '-')}-{content.decode()}.part"
    part.write_bytes(content)
    return Filing(part, folder / "images" / place)


def test_content_then_name_then_what_names_it(tmp_path: Path, steps: DiskSteps) -> None:
    homes = [tmp_path / "images" / "ann" / f"ann-{number}" for number in (1, 2)]
    filings = [
        filing(tmp_path, f"ann/{home.name}/{name}.png") for home in homes for name in ("a", "b")
    ]
    assert file_together(filings) == [Filed(asked.usual, 3) for asked in filings]
    last = max(steps.index(("named", asked.usual)) for asked in filings)
    for asked in filings:
        assert asked.usual.read_bytes() == b"new"
        assert not asked.part.exists()
        assert steps.index(("forced", asked.part)) < steps.index(("named", asked.usual))
    assert sorted(steps.forced[-2:]) == homes
    assert len(steps) == last + 3, "nothing else comes after the names"


def test_each_folder_is_forced_once_for_all(tmp_path: Path, steps: DiskSteps) -> None:
    for batch in ("first", "second"):
        steps.clear()
        filings = [
            filing(tmp_path, f"ann/ann-{number}/{batch}-{take}.png")
            for number in (1, 2, 3)
            for take in (1, 2)
        ]
        file_together(filings)
        folders = {asked.usual.parent for asked in filings}
        if batch == "first":  # they are new
            folders |= {tmp_path / "images" / "ann", tmp_path / "images", tmp_path}
            folders |= {tmp_path.parent}
        forced = [path for path in steps.forced if path.is_dir()]
        assert sorted(forced) == sorted(folders)


def test_a_taken_place_is_never_written_over(tmp_path: Path) -> None:
    home = tmp_path / "images" / "ann"
    home.mkdir(parents=True)
    (home / "a.png").write_bytes(b"old")
    (home / "a-2.png").mkdir()
    filed = file_together([filing(tmp_path, "ann/a.png")])
    assert filed == [Filed(home / "a-3.png", 3)]
    assert (home / "a.png").read_bytes() == b"old"
    assert (home / "a-3.png").read_bytes() == b"new"


def test_two_for_one_place_get_two(tmp_path: Path) -> None:
    filings = [filing(tmp_path, "ann/a.png", content) for content in (b"one", b"two")]
    home = tmp_path / "images" / "ann"
    assert file_together(filings) == [Filed(home / "a.png", 3), Filed(home / "a-2.png", 3)]
    assert (home / "a.png").read_bytes() == b"one"
    assert (home / "a-2.png").read_bytes() == b"two"


def test_what_fails_is_named_and_takes_nobody_along(tmp_path: Path, steps: DiskSteps) -> None:
    good = [filing(tmp_path, f"{who}/a.png") for who in ("ann", "bob", "dan")]
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "file").write_bytes(b"")
    no_folder = filing(tmp_path, "file/below/a.png")
    no_part = filing(tmp_path, "ann/missing.png")
    no_part.part.unlink()
    not_taken = filing(tmp_path, "cay/a.png")
    steps.broken.add(tmp_path / "images" / "cay")
    bad = [no_folder, no_part, not_taken]
    results = file_together([good[0], no_folder, good[1], no_part, not_taken, good[2]])
    assert [results[at] for at in (0, 2, 5)] == [Filed(asked.usual, 3) for asked in good]
    for asked, error in zip(bad, (results[1], results[3], results[4]), strict=True):
        assert isinstance(error, StorageError)
        assert str(error).startswith(f"{asked.usual} cannot be written: ")
    assert no_folder.part.exists(), "the next run finds it"


def test_content_that_the_disk_does_not_take_gets_no_name(tmp_path: Path, steps: DiskSteps) -> None:
    asked = filing(tmp_path, "ann/a.png")
    steps.broken.add(asked.part)
    [error] = file_together([asked])
    assert isinstance(error, StorageError)
    assert asked.part.exists() and not asked.usual.exists()


def test_what_cannot_be_read_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"a\.part cannot be written: No such file"):
        hash_of(tmp_path / "a.part")


def test_a_link_that_leads_nowhere_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(b"new")
    (tmp_path / "a.png").symlink_to(tmp_path / "unmounted" / "a.png")
    [filed] = file_together([Filing(tmp_path / "a.part", tmp_path / "a.png")])
    assert (tmp_path / "a.png").is_symlink()
    assert isinstance(filed, Filed)
    assert filed.place == tmp_path / "a-2.png"
