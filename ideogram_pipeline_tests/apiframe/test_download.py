"""Result files: whole and on the disk, or not there at all."""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from ideogram_pipeline.apiframe import download
from ideogram_pipeline.apiframe.download import Download, Downloader
from ideogram_pipeline.apiframe.errors import (
    Gone,
    HostNotAllowed,
    ProviderError,
    TooLarge,
    Transient,
    Unreachable,
)
from ideogram_pipeline.errors import PipelineError, StorageError
from ideogram_pipeline_tests.apiframe.scripted import (
    ScriptedServer,
    Step,
    free_port,
    http,
    timeouts,
)

PICTURE = bytes(range(256)) * 1200


def fetch(
    destination: Path, *steps: Step, max_bytes: int = 10**6, disk: Executor | None = None
) -> Download:
    async def main() -> Download:
        async with (
            ScriptedServer(*steps) as server,
            Downloader(base_url=server.url, timeouts=timeouts(*steps), disk=disk) as downloader,
        ):
            return await downloader.fetch(
                f"{server.url}/a.png?signature=s3cret", destination, max_bytes=max_bytes
            )

    return asyncio.run(main())


def test_a_file_arrives_whole_with_its_hash(tmp_path: Path) -> None:
    answer = http(200, PICTURE)
    assert fetch(tmp_path / "a", Step(answer)) == Download(
        hashlib.sha256(PICTURE).hexdigest(), len(PICTURE)
    )
    assert (tmp_path / "a").read_bytes() == PICTURE


class Writes:
    """The writes of all files: how many bytes each has, and in which thread it is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.threads: set[str] = set()
        for name in ("write", "finish"):
            self._note(monkeypatch, name, getattr(download._File, name))

    def _note(self, monkeypatch: pytest.MonkeyPatch, name: str, really: Any) -> None:
        def noted(file: object, block: bytes) -> None:
            self.threads.add(threading.current_thread().name)
            if name == "write":
                self.sizes.append(len(block))
            really(file, block)

        monkeypatch.setattr(download._File, name, noted)


@pytest.mark.parametrize("length", [1, 5000, 300_000, 307_200])
def test_what_is_written_block_by_block_arrives_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(download, "_BLOCK_BYTES", 5000)
    writes = Writes(monkeypatch)
    content = random.Random(length).randbytes(length)
    fetched = fetch(tmp_path / "a", Step(http(200, content)))
    assert fetched == Download(hashlib.sha256(content).hexdigest(), length)
    assert (tmp_path / "a").read_bytes() == content
    assert sum(writes.sizes) == length
    assert all(size >= 5000 for size in writes.sizes[:-1])
    assert len(writes.sizes) > 3 or length <= 5000


def test_files_are_written_in_the_threads_that_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_BLOCK_BYTES", 5000)
    writes = Writes(monkeypatch)
    with ThreadPoolExecutor(1, thread_name_prefix="the-disk") as disk:
        fetch(tmp_path / "a", Step(http(200, PICTURE)), disk=disk)
    assert writes.threads == {"the-disk_0"}
    writes.threads.clear()
    fetch(tmp_path / "b", Step(http(200, PICTURE)))
    assert writes.threads.isdisjoint({"the-disk_0", threading.current_thread().name})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == PICTURE


def test_without_a_length_the_end_of_the_connection_ends_the_file(tmp_path: Path) -> None:
    answer = http(200, PICTURE, content_length="")
    assert fetch(tmp_path / "a", Step(answer, "close")).bytes == len(PICTURE)


WRONG: dict[str, tuple[Step, type[PipelineError]]] = {
    "404": (Step(http(404)), Gone),
    "410": (Step(http(410)), Gone),
    "403": (Step(http(403)), ProviderError),
    "206": (Step(http(206, PICTURE)), ProviderError),
    "304": (Step(http(304)), ProviderError),
    "429": (Step(http(429)), Transient),
    "503": (Step(http(503)), Transient),
    "empty": (Step(http(200)), Transient),
    "short": (Step(http(200, PICTURE)[:-1], "close"), Transient),
    "reset": (Step(http(200, PICTURE)[:-1], "reset"), Transient),
    "stalled": (Step(http(200, PICTURE)[:-1], "hang"), Transient),
    "trickling": (Step(http(200, content_length="90000"), "drip"), Transient),
    "short chunks": (
        Step(http(200, b"5\r\nab", content_length="", transfer_encoding="chunked"), "close"),
        Transient,
    ),
    "dropped": (Step(then="close"), Transient),
    "garbage": (Step(b"nonsense\r\n\r\n", "close"), Transient),
    "announced too large": (Step(http(200, content_length="1000001"), "idle"), TooLarge),
    "sent too large": (Step(http(200, bytes(1_000_001), content_length=""), "close"), TooLarge),
}


@pytest.mark.parametrize(("step", "kind"), WRONG.values(), ids=WRONG)
def test_whatever_goes_wrong_leaves_no_file_and_shows_no_signature(
    tmp_path: Path, step: Step, kind: type[PipelineError]
) -> None:
    with pytest.raises(PipelineError) as caught:
        fetch(tmp_path / "a", step)
    assert type(caught.value) is kind
    assert "s3cret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_retry_after_is_kept(tmp_path: Path) -> None:
    with pytest.raises(Transient) as caught:
        fetch(tmp_path / "a", Step(http(503, retry_after="3", x_request_id="r")))
    assert caught.value.retry_after == 3.0
    assert str(caught.value).endswith("[request r]")


def test_nobody_listening(tmp_path: Path) -> None:
    async def main() -> None:
        url = f"http://127.0.0.1:{free_port()}"
        async with Downloader(base_url=url) as downloader:
            await downloader.fetch(f"{url}/a", tmp_path / "a")

    with pytest.raises(Unreachable):
        asyncio.run(main())


def test_cancelling_leaves_no_file(tmp_path: Path) -> None:
    async def main() -> None:
        step = Step(http(200, PICTURE)[:-1], "hang")
        async with (
            ScriptedServer(step) as server,
            Downloader(base_url=server.url) as downloader,
        ):
            task = asyncio.create_task(downloader.fetch(f"{server.url}/a", tmp_path / "a"))
            while not (tmp_path / "a").exists():
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert list(tmp_path.iterdir()) == []


class HeldUp:
    """A step of the disk's thread that has begun, and goes on when it is told to."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.goes_on = threading.Event()

    def wait(self) -> None:
        self.began.set()
        assert self.goes_on.wait(10)


async def _cancel_when_begun(held: HeldUp, destination: Path, disk: Executor) -> None:
    async with (
        ScriptedServer(Step(http(200, PICTURE))) as server,
        Downloader(base_url=server.url, disk=disk) as downloader,
    ):
        task = asyncio.create_task(downloader.fetch(f"{server.url}/a", destination))
        assert await asyncio.to_thread(held.began.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        held.goes_on.set()


@pytest.mark.parametrize("block", [5000, 10**6], ids=["a block", "the last block"])
def test_cancelling_while_a_thread_writes_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(download, "_BLOCK_BYTES", block)
    held = HeldUp()
    make, discard = download._create, download._File.discard

    def make_slowly(path: Path) -> BinaryIO:
        made = make(path)
        held.wait()
        return made

    def discard_meanwhile(file: download._File) -> None:
        assert (tmp_path / "a").exists()
        held.goes_on.set()
        discard(file)

    monkeypatch.setattr(download, "_create", make_slowly)
    monkeypatch.setattr(download._File, "discard", discard_meanwhile)
    with ThreadPoolExecutor(1) as disk:
        asyncio.run(_cancel_when_begun(held, tmp_path / "a", disk))
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_comes_after_the_cancelling_makes_no_file(tmp_path: Path) -> None:
    held = HeldUp()

    class Slow(ThreadPoolExecutor):
        """Begins its work, and is overtaken before the first step of it."""

        def submit(self, function: Callable[..., Any], /, *args: Any, **more: Any) -> Any:
            def slowly() -> Any:
                held.wait()
                return function(*args, **more)

            return super().submit(slowly)

    with Slow(1) as disk:
        asyncio.run(_cancel_when_begun(held, tmp_path / "a", disk))
    assert list(tmp_path.iterdir()) == []


def test_a_file_or_link_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for name in ("kept", "link"):
        with pytest.raises(StorageError, match=name):
            fetch(tmp_path / name, Step(http(200, PICTURE)))
    assert (tmp_path / "kept").read_bytes() == b"old"
    assert (tmp_path / "link").is_symlink()
    assert not (tmp_path / "target").exists()


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file or directory"):
        fetch(tmp_path / "missing" / "a", Step(http(200, PICTURE)))


def test_redirects_are_followed_on_allowed_hosts(tmp_path: Path) -> None:
    steps = [Step(http(status, location="/b.png")) for status in (301, 302, 303, 307, 308)]
    assert fetch(tmp_path / "a", *steps, Step(http(200, PICTURE))).bytes == len(PICTURE)


def test_redirects_end(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="More than 5 redirects"):
        fetch(tmp_path / "a", Step(http(302, location="/again")))


@pytest.mark.parametrize("extra", [False, True])
def test_a_redirect_to_another_host_needs_leave(tmp_path: Path, extra: bool) -> None:
    async def main() -> list[bytes]:
        async with ScriptedServer(Step(http(200, PICTURE))) as other:
            away = Step(http(302, location=f"{other.url}/a.png"))
            async with (
                ScriptedServer(away) as server,
                Downloader(
                    base_url=server.url, extra_hosts=[other.url] if extra else []
                ) as downloader,
            ):
                fetching = downloader.fetch(f"{server.url}/a.png", tmp_path / "a")
                if extra:
                    assert (await fetching).bytes == len(PICTURE)
                else:
                    with pytest.raises(HostNotAllowed, match="IDEOGRAM_PIPELINE_RESULT_HOSTS"):
                        await fetching
            return other.requests

    assert len(asyncio.run(main())) == (1 if extra else 0)
