from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ideogram_pipeline.reproduction.recipe import MARKS_NAME, recipe_file, write_recipes
from ideogram_pipeline_tests.gallery.house import RUN, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_recipe_lies_beside_its_picture_and_names_the_whole_request(house: House) -> None:
    picture = house.picture("mira", "mira-01", text="naïve café ☕", speed="turbo")
    fingerprint = house.fingerprint("mira-01", 1, "base")
    assert write_recipes(house.publish()) == 1

    file = picture.with_name("base-v1-a1.png.json")
    assert recipe_file(picture) == file
    text = file.read_text(encoding="utf-8")
    assert "naïve café ☕" in text
    assert json.loads(text) == {
        "recipe_version": 1,
        "character_id": "mira",
        "prompt_id": "mira-01",
        "variation": 1,
        "edition": "base",
        "model": "ideogram-character",
        "prompt": "naïve café ☕",
        "parameters": {
            "aspect_ratio": "4:3",
            "magic_prompt_option": "Off",
            "rendering_speed": "turbo",
            "seed": house.seed(fingerprint),
            "style_type": "Auto",
        },
        "inputs_sha256": {"character_reference_image": "ab" * 32},
        "seed": house.seed(fingerprint),
        "reproducible": True,
        "fingerprint": fingerprint,
        "provider": "sandbox",
        "run_id": RUN,
        "attempt": 1,
        "job_id": f"job-{fingerprint[:12]}-1",
        "rendering_speed": "turbo",
        "credits": 3,
        "created_at": "2026-11-22T18:30:00+00:00",
        "path": "images/mira/mira-01/base-v1-a1.png",
        "sha256": hashlib.sha256(picture.read_bytes()).hexdigest(),
        "bytes": picture.stat().st_size,
        "width": 64,
        "height": 48,
        "format": "png",
    }


@pytest.mark.parametrize("option", ["Auto", "On"])
def test_magic_prompt_makes_a_picture_not_reproducible(house: House, option: str) -> None:
    picture = house.picture("mira", "mira-01", magic_prompt=option)
    write_recipes(house.publish())
    assert json.loads(recipe_file(picture).read_bytes())["reproducible"] is False


def test_the_attempt_that_made_the_picture_is_named_not_a_failed_one(house: House) -> None:
    picture = house.picture("mira", "mira-01")
    house.attempt("mira", "mira-01", number=2, status="failed", error="refused")
    assert write_recipes(house.publish()) == 1
    assert json.loads(recipe_file(picture).read_bytes())["attempt"] == 1


def test_the_run_that_bought_the_picture_is_named_not_the_one_that_fetched_it(house: House) -> None:
    picture = house.picture("mira", "mira-01")
    house.tables["images"][0]["run_id"] = "20261123T070000-ffffff"
    write_recipes(house.publish())
    assert json.loads(recipe_file(picture).read_bytes())["run_id"] == RUN


def test_only_missing_and_different_recipes_are_written(house: House) -> None:
    files = [recipe_file(house.picture("mira", "mira-01", variation=n)) for n in (1, 2, 3)]
    assert write_recipes(house.publish()) == 3
    contents = [file.read_bytes() for file in files]
    assert write_recipes(house.settings) == 0

    files[0].unlink()
    files[1].write_text("{}")
    untouched = files[2].stat().st_mtime_ns
    assert write_recipes(house.settings) == 2
    assert [file.read_bytes() for file in files] == contents
    assert files[2].stat().st_mtime_ns == untouched
    assert not list(files[0].parent.glob("*.part"))


def test_only_characters_whose_rows_have_changed_are_looked_at(house: House) -> None:
    files = [recipe_file(house.picture("mira", f"mira-{n}")) for n in (1, 2)]
    other = recipe_file(house.picture("bo", "bo-1"))
    assert write_recipes(house.publish(), only_changed=True) == 3
    assert write_recipes(house.publish(), only_changed=True) == 0
    other.write_text("{}")
    house.picture("mira", "mira-3")
    files[0].unlink()
    assert write_recipes(house.publish(), characters=["bo"], only_changed=True) == 0
    assert write_recipes(house.settings, characters=["mira"], only_changed=True) == 2
    assert files[0].exists()
    assert write_recipes(house.settings, only_changed=True) == 0
    assert write_recipes(house.settings) == 1, "asked for without that, all are"


def test_recipes_that_a_power_cut_took_are_written_again(house: House) -> None:
    recipe = recipe_file(house.picture("mira", "mira-01"))
    assert write_recipes(house.publish(), only_changed=True) == 1
    recipe.write_bytes(b"")
    assert write_recipes(house.settings, only_changed=True) == 1
    assert json.loads(recipe.read_bytes())


def test_a_damaged_list_of_marks_only_costs_another_look(house: House) -> None:
    house.picture("mira", "mira-01")
    assert write_recipes(house.publish(), only_changed=True) == 1
    assert write_recipes(house.publish(), only_changed=True) == 0
    (house.settings.images_folder / MARKS_NAME).write_text("{")
    assert write_recipes(house.settings, only_changed=True) == 0
    assert write_recipes(house.settings, only_changed=True) == 0


def test_pictures_are_left_as_they_are(house: House) -> None:
    picture = house.picture("mira", "mira-01")
    before = (picture.read_bytes(), picture.stat().st_mtime_ns)
    write_recipes(house.publish())
    assert (picture.read_bytes(), picture.stat().st_mtime_ns) == before


def test_only_the_chosen_characters_get_recipes(house: House) -> None:
    mira, bo = house.picture("mira", "mira-01"), house.picture("bo", "bo-01")
    house.publish()
    assert write_recipes(house.settings, characters=[]) == 0
    assert write_recipes(house.settings, characters=["bo"]) == 1
    assert recipe_file(bo).exists() and not recipe_file(mira).exists()


def test_a_deleted_picture_gets_no_recipe(house: House) -> None:
    picture = house.picture("mira", "mira-01")
    picture.unlink()
    assert write_recipes(house.publish()) == 0
    assert not recipe_file(picture).exists()
