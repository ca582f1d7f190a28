"""Input pictures at the provider: once for each content, as long as the address lives."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from ideogram_pipeline.errors import CatalogError
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.references import LIFE, MARGIN, References
from ideogram_pipeline.generation.uploads import Uploads
from ideogram_pipeline.planning.model import PlannedImage
from ideogram_pipeline_tests.generation.fakes import ScriptedProvider, image


@dataclass
class Desk:
    """References, and a provider that notes what is uploaded."""

    references: References
    provider: ScriptedProvider

    def ask(self, *planned: PlannedImage) -> list[dict[str, str]]:
        """Ask for the addresses of all of these at once."""

        async def main() -> list[dict[str, str]]:
            return list(await asyncio.gather(*map(self.references.urls, planned)))

        return asyncio.run(main())


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)
    for who in ("ann", "bob"):
        Path(f"{who}.png").write_bytes(who.encode())
    database = Database(tmp_path / "journal.sqlite")
    provider = ScriptedProvider()
    yield Desk(References(provider, Uploads(database, "https://api")), provider)  # type: ignore[arg-type]
    database.close()


def test_many_pictures_at_once_upload_each_content_once(desk: Desk) -> None:
    told = desk.ask(*(image(number, who) for number in range(1, 6) for who in ("ann", "bob")))
    asked = sorted(desk.provider.asked)  # read side by side, in threads
    assert asked == [("upload", "ann.png"), ("upload", "bob.png")]
    urls = {url for addresses in told for url in addresses.values()}
    assert urls == {"https://cdn/ann.png", "https://cdn/bob.png"}


def test_it_is_uploaded_anew_shortly_before_its_address_ends(desk: Desk) -> None:
    desk.ask(image())
    desk.provider.clock.moment += LIFE - MARGIN - timedelta(seconds=1)
    desk.ask(image())
    assert len(desk.provider.asked) == 1
    desk.provider.clock.moment += timedelta(seconds=1)
    desk.ask(image())
    assert len(desk.provider.asked) == 2


def test_it_is_uploaded_anew_after_a_job_that_may_have_missed_it(desk: Desk) -> None:
    desk.ask(image())
    desk.references.forget(image())
    desk.ask(image())
    assert len(desk.provider.asked) == 2


def test_what_has_changed_since_the_catalog_was_read_is_not_uploaded(desk: Desk) -> None:
    Path("ann.png").write_bytes(b"another")
    with pytest.raises(CatalogError, match="has changed since"):
        desk.ask(image())
    Path("ann.png").unlink()
    with pytest.raises(CatalogError, match="cannot be read any more"):
        desk.ask(image())
    assert desk.provider.asked == []
