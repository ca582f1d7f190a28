from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.gallery import site
from ideogram_pipeline.gallery.records import digests
from ideogram_pipeline.gallery.site import build_gallery, page_name
from ideogram_pipeline_tests.gallery.house import House, png


class Page(HTMLParser):
    """What a reader sees and a browser loads."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.source = file.read_text(encoding="utf-8")
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.tags: set[str] = set()
        self.ids: set[str] = set()
        self._words: list[str] = []
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.add(tag)
        self.ids.add(values.get("id") or "")
        if tag == "img":
            self.images.append(values)
        link = values.get("href") or values.get("src")
        if link:
            self.links.append(link)

    def handle_data(self, data: str) -> None:
        self._words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self._words)

    def target(self, link: str) -> Path:
        return self.file.parent / unquote(urlsplit(link).path)


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.character("mira", "Mira")
    house.prompt("mira", "mira-01", "on a roof at night", title="The roof", variations=2)
    for variation in (1, 2):
        house.plan("mira", "mira-01", variation=variation)
        house.picture("mira", "mira-01", variation=variation)
    return house


def pages(house: House) -> dict[str, Page]:
    folder = build_gallery(house.publish()).parent
    return {file.stem: Page(file) for file in folder.glob("*.html")}


def test_every_link_and_every_picture_resolves(house: House) -> None:
    house.character("bo", "Bo")
    house.prompt("bo", "bo-01")
    house.plan("bo", "bo-01")
    found = pages(house)
    assert set(found) == {"index", "mira", "bo"}
    for page in found.values():
        for link in page.links:
            assert not urlsplit(link).scheme
            target = page.target(link) if urlsplit(link).path else page.file
            assert target.is_file(), link
            fragment = urlsplit(link).fragment
            assert not fragment or fragment in Page(target).ids


def test_nothing_is_fetched_from_elsewhere_and_nothing_runs(house: House) -> None:
    for page in pages(house).values():
        assert not page.tags & {"script", "link", "iframe"}
        assert "http" not in page.source and "url(" not in page.source


def test_the_first_page_has_each_character_with_reference_and_sums(house: House) -> None:
    house.character("bo", "Bo")
    index = pages(house)["index"]
    assert "2 characters 2 pictures 12 credits" in index.text
    assert "Mira 2 pictures 12 credits" in index.text
    assert "Bo 0 pictures 0 credits" in index.text
    assert {"mira.html", "bo.html"} <= set(index.links)
    assert "Reference picture of Mira" in [image["alt"] for image in index.images]


def test_a_picture_stands_with_text_caption_and_link(house: House) -> None:
    page = pages(house)["mira"]
    seed = house.seed(house.fingerprint("mira-01", 2, "base"))
    assert "The roof on a roof at night" in page.text
    assert f"variation 2 default 6 credits seed {seed}" in page.text
    assert "../images/mira/mira-01/base-v2-a1.png" in page.links
    _, first, second = page.images
    assert first["loading"] == "lazy"
    assert (first["width"], first["height"]) == ("64", "48")
    assert second["alt"] == "Mira: The roof, edition base, variation 2"


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "\"'><img src=x onerror=a>"])
def test_texts_of_the_catalog_and_of_the_provider_are_escaped(house: House, hostile: str) -> None:
    house.character("eve", hostile)
    house.prompt("eve", "eve-01", hostile, title=hostile, tags=[hostile], variations=2)
    house.plan("eve", "eve-01")
    house.picture("eve", "eve-01")
    house.plan("eve", "eve-01", variation=2)
    house.attempt("eve", "eve-01", variation=2, status="failed", error=hostile)
    for page in pages(house).values():
        assert hostile not in page.source
        assert "script" not in page.tags
        assert "x" not in page.links


def test_a_second_build_leaves_pages_thumbnails_and_originals_alone(house: House) -> None:
    gallery = build_gallery(house.publish()).parent
    watched = [file for file in house.settings.folder.rglob("*") if file.suffix != ".lock"]
    before = {file: file.stat().st_mtime_ns for file in watched if file.is_file()}
    assert any(file.parent.name == "thumbnails" for file in before)
    build_gallery(house.settings)
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert not list(gallery.rglob("*.part"))


def test_a_changed_picture_gets_a_new_thumbnail(house: House) -> None:
    house.picture("mira", "mira-02", png("red"))
    gallery = build_gallery(house.publish()).parent
    before = set((gallery / "thumbnails").iterdir())
    house.picture("mira", "mira-03", png("blue"))
    build_gallery(house.publish())
    (new,) = set((gallery / "thumbnails").iterdir()) - before
    with Image.open(new) as thumbnail:
        red, _, blue = thumbnail.convert("RGB").getpixel((10, 10))  # type: ignore[misc]
    assert blue > 200 > red


def test_a_thumbnail_that_a_power_cut_emptied_is_made_again(house: House) -> None:
    gallery = build_gallery(house.publish()).parent
    for file in (gallery / "thumbnails").iterdir():
        file.write_bytes(b"")
    build_gallery(house.settings)
    assert all(file.stat().st_size for file in (gallery / "thumbnails").iterdir())


def test_a_deleted_original_shows_as_missing(house: House) -> None:
    file = house.picture("mira", "mira-01", variation=3)
    build_gallery(house.publish())
    file.unlink()
    page = pages(house)["mira"]
    assert "The file images/mira/mira-01/base-v3-a1.png is gone" in page.text
    assert "../images/mira/mira-01/base-v3-a1.png" not in page.links


def test_a_damaged_original_is_linked_without_thumbnail(house: House) -> None:
    house.picture("mira", "mira-01", b"\x89PNG half", variation=3)
    page = pages(house)["mira"]
    assert "The file cannot be read as a picture" in page.text
    assert "../images/mira/mira-01/base-v3-a1.png" in page.links


def test_a_picture_that_two_prompts_ask_for_hangs_under_both(house: House) -> None:
    house.prompt("mira", "mira-cover", title="Cover")
    shared = house.fingerprint("mira-01", 1, "base")
    house.plan("mira", "mira-cover", fingerprint=shared, decision="reuse", reason="the same")
    page = pages(house)["mira"]
    assert page.links.count("../images/mira/mira-01/base-v1-a1.png") == 2
    assert "same picture as mira-01" in page.text
    assert "Mira 2 pictures 12 credits" in page.text
    assert "mira.html#mira-01" in page.links


@pytest.mark.parametrize(
    ("decision", "reason", "status", "error", "shown"),
    [
        ("generate", "prompt text changed", None, None, "Not bought yet (prompt text changed)"),
        ("blocked", "may have been paid", None, None, "Blocked: may have been paid"),
        ("reuse", "the same picture as a", None, None, "Not on file yet: the same picture as a"),
        ("generate", "new", "failed", "refused by moderation", "Failed: refused by moderation"),
        ("generate", "new", "expired", None, "Expired"),
        ("resume", "paid", "submitted", None, "Under way at the provider"),
    ],
)
def test_an_empty_frame_says_why(
    house: House, decision: str, reason: str, status: str | None, error: str | None, shown: str
) -> None:
    house.plan("mira", "mira-01", variation=3, decision=decision, reason=reason)
    if status:
        house.attempt("mira", "mira-01", variation=3, status="failed", error="an older one")
        house.attempt("mira", "mira-01", variation=3, number=2, status=status, error=error)
    found = pages(house)
    assert shown in found["mira"].text
    assert "an older one" not in found["mira"].text
    assert "1 missing" in found["index"].text


def test_a_cost_that_is_not_known_yet_is_said_and_not_counted_as_0(house: House) -> None:
    house.plan("mira", "mira-01", variation=3, decision="resume", reason="paid")
    house.attempt("mira", "mira-01", variation=3, status="submitted", credits=None)
    assert "12 credits, 1 not known yet" in pages(house)["index"].text


def test_earlier_editions_follow_the_current_one(house: House) -> None:
    house.prompt("mira", "mira-week", refresh="weekly")
    house.plan("mira", "mira-week", edition="2026-W47")
    for edition in ("2026-W46", "2026-W47", "2026-W45"):
        house.picture("mira", "mira-week", edition=edition)
    text = pages(house)["mira"].text
    assert "refreshed weekly" in text and "2 earlier pictures" in text
    places = [text.index(words) for words in ("W47, variation", "2 earlier", "W46,", "W45,")]
    assert places == sorted(places)


def test_editions_of_a_schedule_show_it_and_find_their_files(house: House) -> None:
    house.prompt("mira", "mira-mon", refresh="0 6 * * MON")
    house.plan("mira", "mira-mon", edition="2026-11-23T0600+0100")
    house.picture("mira", "mira-mon", edition="2026-11-23T0600+0100")
    page = pages(house)["mira"]
    assert "refreshed by cron: 0 6 * * MON" in page.text
    assert "2026-11-23T0600+0100, variation 1" in page.text
    assert "1 missing" not in page.text


def test_what_left_the_catalog_keeps_its_pictures_and_its_text(house: House) -> None:
    house.picture("mira", "mira-old", text="as it was sent")
    house.picture("gone", "gone-01")
    found = pages(house)
    assert "mira-old as it was sent no longer in the catalog" in found["mira"].text
    assert "gone 1 picture 6 credits no longer in the catalog" in found["gone"].text


def test_a_planned_prompt_that_is_not_in_the_catalog_is_not_lost(house: House) -> None:
    house.plan("mira", "mira-99")
    assert "mira-99 no longer in the catalog Not bought yet" in pages(house)["mira"].text


def test_a_disabled_row_is_shown_as_such(house: House) -> None:
    house.prompt("mira", "mira-off", enabled=False)
    text = pages(house)["mira"].text
    assert "disabled Nothing is planned while the row is disabled." in text


def test_a_reference_that_was_replaced_is_not_shown(house: House) -> None:
    (house.settings.home / "references" / "mira.png").write_bytes(png("black"))
    assert "No reference on file" in pages(house)["mira"].text


def test_only_the_chosen_pages_are_written_and_the_first_page_shows_everyone(house: House) -> None:
    house.character("bo", "Bo")
    index = build_gallery(house.publish(), characters={"bo"})
    assert {file.name for file in index.parent.glob("*.html")} == {"index.html", "bo.html"}
    assert "Mira 2 pictures" in Page(index).text


def test_a_character_called_index_leaves_the_first_page_alone(house: House) -> None:
    house.character("Index", "The Index")
    found = pages(house)
    assert "Gallery" in found["index"].text and page_name("Index") in found["index"].links
    assert "The Index" in found["_index"].text


def test_an_empty_catalog_makes_a_page_that_says_what_to_do(tmp_path: Path) -> None:
    assert "Add a row to the catalog" in pages(House(tmp_path))["index"].text


def test_before_the_first_run_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nothing was published yet"):
        build_gallery(House(tmp_path).settings)


def test_a_page_is_made_again_only_when_something_on_it_has_changed(house: House) -> None:
    house.character("bo", "Bo")
    house.prompt("bo", "waves")
    house.picture("bo", "waves")
    page = build_gallery(house.publish(), only_changed=True).with_name("bo.html")
    shown = page.read_text()
    page.write_text(shown.replace("waves", "thumbs"))
    build_gallery(house.publish(), only_changed=True)
    assert "thumbs" in page.read_text(), "left alone"
    build_gallery(house.settings)
    assert page.read_text() == shown, "made in any case"
    house.picture("bo", "bows")
    assert "bows" not in shown
    build_gallery(house.publish(), only_changed=True)
    assert "bows" in page.read_text()
    for damage in (Path.unlink, Path.touch, lambda page: page.write_bytes(bytes(100))):
        damage(page)
        build_gallery(house.settings, only_changed=True)
        assert "bows" in page.read_text(), "a page that was taken away, or emptied, is missed"


def test_what_is_published_unchanged_is_not_looked_at(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.character("bo", "Bo")
    build_gallery(house.publish(), only_changed=True)
    looks: list[Path] = []

    def look(warehouse: Path, names: Collection[str]) -> dict[str, str]:
        looks.append(warehouse)
        return digests(warehouse, names)

    monkeypatch.setattr(site, "digests", look)
    build_gallery(house.publish(), only_changed=True)
    assert not looks
    house.tables["characters"][0]["updated_at"] += timedelta(seconds=1)
    build_gallery(house.publish(), only_changed=True)
    assert len(looks) == 1
    # After pages of some only, the first page may be older than the others.
    house.picture("mira", "late")
    build_gallery(house.publish(), characters=["bo"], only_changed=True)
    build_gallery(house.publish(), only_changed=True)
    assert len(looks) == 3
    build_gallery(house.publish(), only_changed=True)
    assert len(looks) == 3
