from __future__ import annotations

import pytest

from ideogram_pipeline.sandbox.drawing import story
from ideogram_pipeline.sandbox.drawing.paint import Dice
from ideogram_pipeline.sandbox.drawing.scenes import PAINTERS
from ideogram_pipeline.sandbox.drawing.sky import LIGHTS

COLOURS = ((200, 40, 40),)


def _read(prompt: str, seed: int = 1) -> story.Story:
    return story.read(prompt, Dice(seed), COLOURS)


@pytest.mark.parametrize(
    ("prompt", "scene"),
    [
        ("Otto on the beach, shells in the sand", "beach"),
        ("Juniper in deep SNOW below the summit", "snowfield"),
        ("Ember in her kitchen", "kitchen"),
        ("Miso, a crater, a planet", "space"),
        ("Pia in the forest among ferns", "forest"),
        ("a busy city street", "city"),
        ("corals underwater", "reef"),
    ],
)
def test_words_choose_the_scene(prompt: str, scene: str) -> None:
    assert {_read(prompt, seed).scene for seed in range(20)} == {scene}


def test_words_choose_time_weather_season_and_pose() -> None:
    tale = _read("Pia jumps into puddles by the harbour at night in October")
    assert (tale.time, tale.weather, tale.season, tale.pose) == ("night", "rain", "autumn", "leaps")


def test_the_seed_chooses_what_the_words_leave_open() -> None:
    tales = [_read("Juniper waves", seed) for seed in range(60)]
    assert len({tale.scene for tale in tales}) >= 5
    assert len({tale.time for tale in tales}) >= 3


def test_parts_of_words_choose_nothing() -> None:
    assert len({_read("a seasick postwoman, cityless", seed).scene for seed in range(60)}) > 3


def test_everything_that_can_be_chosen_can_be_painted() -> None:
    assert set(story.SCENES) == set(PAINTERS)
    assert set(story.TIMES) | {"rain"} == set(LIGHTS)
