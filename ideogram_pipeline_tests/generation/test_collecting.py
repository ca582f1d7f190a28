"""From a completed job to a file in its place."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import stat
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from ideogram_pipeline.apiframe import download
from ideogram_pipeline.apiframe.download import Downloader
from ideogram_pipeline.apiframe.errors import KeyRefused, NotFound, Transient
from ideogram_pipeline.apiframe.model import Job
from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.generation import collecting
from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.collecting import TRIES, Collector, NotAPicture, inspect
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline_tests.generation.fakes import (
    NOW,
    ScriptedProvider,
    begin,
    filing_desk,
    group_commit,
    image,
    job_of,
    open_journal,
)

BASE = "https://cdn.example"
URL = f"{BASE}/picture.png"


def picture(kind: str = "PNG", colour: str = "crimson", size: tuple[int, int] = (24, 24)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()


PNG = picture()
Answer = bytes | int


async def _streamed(content: bytes) -> AsyncIterator[bytes]:
    yield content


@dataclass
class Desk:
    """A completed attempt, and a file server that answers by script, the last one again."""

    folder: Path
    journal: Journal
    attempt: Attempt
    answers: list[Answer]
    fetched: list[str] = field(default_factory=list)
    provider: ScriptedProvider = field(default_factory=ScriptedProvider)

    def job(self, **values: Any) -> Job:
        return job_of(self.attempt, **({"result_urls": (URL,)} | values))

    def collect(self, job: Job | None) -> Attempt:
        def serve(request: httpx.Request) -> httpx.Response:
            self.fetched.append(str(request.url))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, int):
                return httpx.Response(answer)
            return httpx.Response(
                200, headers={"Content-Length": str(len(answer))}, content=_streamed(answer)
            )

        async def main() -> Attempt:
            async with (
                Downloader(base_url=BASE, transport=httpx.MockTransport(serve)) as downloader,
                group_commit(self.journal) as commit,
                filing_desk() as filing,
            ):
                collector = Collector(self.provider, downloader, commit, filing, self.folder)  # type: ignore[arg-type]
                return await collector.collect(self.attempt, job)

        return asyncio.run(main())

    @property
    def part(self) -> Path:
        return self.folder / "images" / ".incoming" / f"{self.attempt.idempotency_key}.part"

    @property
    def target(self) -> Path:
        return self.folder / "images" / "ann" / "ann-1" / "base-v1-a1.png"

    def move_and_die(self, content: bytes) -> None:
        """Put a checked file into its place, and be killed before that is in the journal.

        Then another run takes over.
        """
        self.journal.note_content(self.attempt, hashlib.sha256(content).hexdigest())
        self.put(self.target, content)
        (self.attempt,) = self.journal.take_over("run-2", lambda owner: False)

    def put(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    with open_journal(tmp_path) as journal:
        submitted = journal.accept(begin(journal), "job-1", now=NOW)
        attempt = journal.complete(submitted, job_of(submitted), now=NOW)

        def make(*answers: Answer) -> Desk:
            made = Desk(tmp_path, journal, attempt, list(answers))
            made.provider.jobs["job-1"] = made.job()
            return made

        yield make


def stored_path(at: Desk) -> str:
    with at.journal._db.read() as connection:
        return str(connection.exec_driver_sql("SELECT path FROM attempts").scalar())


def test_the_providers_bytes_are_filed_untouched(desk: Callable[..., Desk]) -> None:
    at = desk(PNG)
    assert at.collect(at.job()).state == "stored"
    assert at.target.read_bytes() == PNG
    assert stored_path(at) == "images/ann/ann-1/base-v1-a1.png"
    with at.journal._db.read() as connection:
        row = connection.exec_driver_sql("SELECT sha256, bytes, width, format FROM attempts").one()
    assert tuple(row) == (hashlib.sha256(PNG).hexdigest(), len(PNG), 24, "png")
    assert not at.part.exists()
    assert at.provider.asked == [], "the address was known"


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", "jpg"), ("WEBP", "webp")])
def test_the_content_decides_the_kind(desk: Callable[..., Desk], kind: str, suffix: str) -> None:
    at = desk(picture(kind))
    at.collect(at.job())
    assert at.target.with_suffix(f".{suffix}").exists()


@pytest.mark.parametrize(
    "bad",
    [
        503,
        403,
        404,
        b"<!DOCTYPE html>",
        PNG[: len(PNG) // 2],
        PNG[:-12],
        PNG[:-6] + b"xxxxxx",
        picture("GIF"),
    ],
    ids=["503", "403", "404", "page", "half", "no-end", "damaged-end", "gif"],
)
def test_a_bad_delivery_is_asked_for_again_with_a_fresh_address(
    desk: Callable[..., Desk], bad: Answer
) -> None:
    at = desk(bad, PNG)
    at.provider.jobs["job-1"] = at.job(result_urls=(f"{BASE}/fresh.png",))
    assert at.collect(at.job()).state == "stored"
    assert at.fetched == [URL, f"{BASE}/fresh.png"]
    assert at.target.read_bytes() == PNG


@pytest.mark.parametrize("bad", [503, 403, b"<html>"], ids=["503", "403", "page"])
def test_what_cannot_be_had_now_is_left_to_the_next_run(
    desk: Callable[..., Desk], bad: Answer
) -> None:
    at = desk(bad)
    done = at.collect(at.job())
    assert done.state == "completed"
    assert "paid and completed, but not fetched" in (done.error or "")
    assert len(at.fetched) == TRIES
    assert not at.part.exists() and not at.target.exists()


@pytest.mark.parametrize("trouble", [Transient("503"), NotFound("404")])
def test_a_provider_that_does_not_answer_loses_nothing(
    desk: Callable[..., Desk], trouble: Exception
) -> None:
    at = desk(PNG)
    at.provider.jobs["job-1"] = [trouble]
    assert at.collect(None).state == "completed"


def test_a_refused_key_ends_the_run(desk: Callable[..., Desk]) -> None:
    at = desk(PNG)
    at.provider.jobs["job-1"] = [KeyRefused("401")]
    with pytest.raises(KeyRefused):
        at.collect(None)


def test_an_address_may_come_later(desk: Callable[..., Desk]) -> None:
    at = desk(PNG)
    at.provider.jobs["job-1"] = [at.job(result_urls=()), at.job()]
    assert at.collect(at.job(result_urls=())).state == "stored"


def test_without_an_address_it_stays_completed(desk: Callable[..., Desk]) -> None:
    at = desk(PNG)
    at.provider.jobs["job-1"] = at.job(result_urls=())
    done = at.collect(at.job(result_urls=()))
    assert (done.state, at.fetched) == ("completed", [])
    assert "names no file" in (done.error or "")


class TestGone:
    def test_what_the_provider_calls_expired_is(self, desk: Callable[..., Desk]) -> None:
        at = desk(PNG)
        done = at.collect(at.job(expired=True))
        assert done.state == "expired"
        assert "paid (15 credits)" in (done.error or "")

    def test_what_is_gone_and_old_is_expired(self, desk: Callable[..., Desk]) -> None:
        at = desk(404)
        at.provider.clock.pass_hours(73)
        assert at.collect(at.job()).state == "expired"

    def test_what_is_gone_but_young_may_come_back(self, desk: Callable[..., Desk]) -> None:
        at = desk(404)
        at.provider.clock.pass_hours(23)
        assert at.collect(at.job()).state == "completed"

    def test_trouble_is_not_taken_for_loss_however_old(self, desk: Callable[..., Desk]) -> None:
        at = desk(503)
        at.provider.clock.moment += timedelta(days=30)
        assert at.collect(at.job()).state == "completed"

    def test_what_is_on_the_disk_is_not_lost(self, desk: Callable[..., Desk]) -> None:
        at = desk(404)
        at.put(at.part, PNG)
        at.provider.clock.pass_hours(1000)
        assert at.collect(at.job(expired=True)).state == "stored"


class TestSalvage:
    def test_a_whole_part_is_used(self, desk: Callable[..., Desk]) -> None:
        at = desk(503)
        at.put(at.part, PNG)
        assert at.collect(at.job()).state == "stored"
        assert (at.fetched, at.target.read_bytes()) == ([], PNG)
        assert not at.part.exists()

    @pytest.mark.parametrize("rest", [b"", PNG[:20], PNG[:-12]], ids=len)
    def test_half_a_part_is_fetched_again(self, desk: Callable[..., Desk], rest: bytes) -> None:
        at = desk(PNG)
        at.put(at.part, rest)
        assert at.collect(at.job()).state == "stored"
        assert at.target.read_bytes() == PNG

    @pytest.mark.parametrize("image_format", ["JPEG", "WEBP"])
    def test_a_part_without_checksums_is_used_only_if_its_hash_was_noted(
        self, desk: Callable[..., Desk], image_format: str
    ) -> None:
        """A power cut can leave zeros at its end, and it is decoded all the same."""
        buffer = io.BytesIO()
        Image.effect_noise((96, 96), 60).convert("RGB").save(buffer, image_format)
        whole = buffer.getvalue()
        at = desk(whole)
        at.put(at.part, whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
        assert at.collect(at.job()).state == "stored"
        assert at.fetched == [URL]
        [stored] = at.target.parent.iterdir()
        assert stored.read_bytes() == whole
        assert not list(at.part.parent.iterdir())

    def test_what_the_provider_has_no_more_is_taken_as_it_is(
        self, desk: Callable[..., Desk]
    ) -> None:
        buffer = io.BytesIO()
        Image.effect_noise((96, 96), 60).convert("RGB").save(buffer, "JPEG")
        at = desk(404)
        at.put(at.part, buffer.getvalue())
        assert at.collect(at.job(expired=True)).state == "stored"
        [stored] = at.target.parent.iterdir()
        assert stored.read_bytes() == buffer.getvalue()

    @pytest.mark.parametrize("is_noted", [True, False])
    def test_a_part_is_used_only_with_the_noted_hash(
        self, desk: Callable[..., Desk], is_noted: bool
    ) -> None:
        """A power cut may leave of a part what is a picture, and not the one that came."""
        at = desk(PNG)
        at.put(at.part, PNG if is_noted else picture(colour="navy"))
        at.attempt = at.journal.note_content(at.attempt, hashlib.sha256(PNG).hexdigest())
        assert at.collect(at.job()).state == "stored"
        assert at.fetched == ([] if is_noted else [URL])
        assert at.target.read_bytes() == PNG
        assert not at.part.exists()

    def test_a_file_that_a_killed_run_put_in_its_place_is_adopted(
        self, desk: Callable[..., Desk]
    ) -> None:
        at = desk(503)
        at.move_and_die(PNG)
        assert at.collect(None).state == "stored"
        assert (at.fetched, at.provider.asked) == ([], [])
        assert at.target.read_bytes() == PNG

    def test_one_that_was_changed_since_is_not_taken(self, desk: Callable[..., Desk]) -> None:
        at = desk(PNG)
        at.move_and_die(PNG)
        at.put(at.target, PNG[:30])
        assert at.collect(at.job()).state == "stored"
        assert (at.folder / stored_path(at)).read_bytes() == PNG

    @pytest.mark.parametrize("taken_over", [False, True])
    def test_a_picture_of_a_lost_journal_is_neither_taken_nor_written_over(
        self, desk: Callable[..., Desk], taken_over: bool
    ) -> None:
        at = desk(PNG)
        older = picture(colour="navy")
        at.put(at.target, older)
        if taken_over:
            (at.attempt,) = at.journal.take_over("run-2", lambda owner: False)
        assert at.collect(at.job()).state == "stored"
        assert at.target.read_bytes() == older
        assert (at.folder / stored_path(at)).read_bytes() == PNG


@pytest.mark.parametrize("salvaged", [False, True])
def test_the_content_is_forced_to_the_disk_once(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, salvaged: bool
) -> None:
    """By the download; a file that an earlier life has left may never have been."""
    at = desk(PNG)
    if salvaged:
        at.put(at.part, PNG)
    synced: list[int] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode) and os.fstat(handle).st_size == len(PNG):
            synced.append(os.fstat(handle).st_ino)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    assert at.collect(at.job()).state == "stored"
    assert synced == [at.target.stat().st_ino]
    assert len(at.fetched) == (0 if salvaged else 1)


class TestTooMuch:
    def test_of_many_files_some_are_fetched_at_a_time(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A dead run may have left thousands."""
        monkeypatch.setattr(collecting, "AT_A_TIME", 3)
        under_way, most = 0, 0

        class Downloads:
            async def fetch(self, _url: str, destination: Path) -> download.Download:
                nonlocal under_way, most
                under_way += 1
                most = max(most, under_way)
                await asyncio.sleep(0)
                under_way -= 1
                destination.write_bytes(PNG)
                return download.Download(hashlib.sha256(PNG).hexdigest(), len(PNG))

        async def main(journal: Journal) -> list[Attempt]:
            attempts = []
            for number in range(10):
                submitted = journal.accept(begin(journal, image(number)), f"job-{number}", now=NOW)
                attempts.append(journal.complete(submitted, job_of(submitted), now=NOW))
            async with group_commit(journal) as commit, filing_desk() as filing:
                collector = Collector(ScriptedProvider(), Downloads(), commit, filing, tmp_path)  # type: ignore[arg-type]
                jobs = [job_of(attempt, result_urls=(URL,)) for attempt in attempts]
                return list(await asyncio.gather(*map(collector.collect, attempts, jobs)))

        with open_journal(tmp_path) as journal:
            assert {attempt.state for attempt in asyncio.run(main(journal))} == {"stored"}
        assert most == 3

    def test_a_file_over_the_limit_is_not_asked_for_again(
        self, desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fetch = Downloader.fetch

        async def bounded(self: Downloader, url: str, destination: Path) -> download.Download:
            return await fetch(self, url, destination, max_bytes=50)

        monkeypatch.setattr(Downloader, "fetch", bounded)
        at = desk(PNG)
        done = at.collect(at.job())
        assert (done.state, len(at.fetched)) == ("completed", 1)
        assert "more than the 50 allowed" in (done.error or "")

    def test_a_host_that_nobody_allowed_is_not_asked(self, desk: Callable[..., Desk]) -> None:
        at = desk(PNG)
        done = at.collect(at.job(result_urls=("https://elsewhere.example/x.png",)))
        assert (done.state, at.fetched) == ("completed", [])

    def test_more_pixels_than_any_picture_has(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(collecting, "MOST_PIXELS", 24 * 24 - 1)
        (tmp_path / "large.png").write_bytes(PNG)
        with pytest.raises(NotAPicture, match="24x24 pixels"):
            inspect(tmp_path / "large.png")

    def test_a_bomb_is_not_unpacked(self, tmp_path: Path) -> None:
        """30,000 x 30,000 black pixels take some kilobytes; Pillow's own limit says no."""
        path = tmp_path / "bomb.png"
        monochrome = Image.new("1", (8, 8))
        buffer = io.BytesIO()
        monochrome.save(buffer, "PNG")
        content = bytearray(buffer.getvalue())
        content[16:24] = (30_000).to_bytes(4) * 2
        content[29:33] = zlib.crc32(content[12:29]).to_bytes(4)
        path.write_bytes(content)
        with pytest.raises(NotAPicture):
            inspect(path)


def test_a_folder_that_is_not_one_is_named(desk: Callable[..., Desk]) -> None:
    at = desk(PNG)
    at.put(at.folder / "images" / "ann", b"a file where the folder should be")
    with pytest.raises(StorageError, match="is paid and"):
        at.collect(at.job())
    assert at.part.exists(), "the next run finds it"
