"""What a prompt asks for, as far as its words say; chance decides the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ideogram_pipeline.sandbox.drawing.paint import Colour, Dice


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Of two scenes with as many words in the prompt the upper one wins.
SCENES: Mapping[str, frozenset[str]] = {
    "reef": _words("underwater reef coral corals diving dives seabed submarine aquarium"),
    "kitchen": _words(
        "kitchen cafe café coffee bakery bakes baking baker bread counter espresso latte oven "
        "restaurant pancakes cooking cooks"
    ),
    "library": _words(
        "library books book bookshop shelves archive study office desk school classroom museum"
    ),
    "parlour": _words(
        "room living fireplace sofa armchair bedroom hearth indoors cosy cozy workshop attic "
        "window bed carpet rug party birthday"
    ),
    "snowfield": _words(
        "snow snowy snowfall winter ski sledge sled ice icy frost frozen mountain mountains "
        "glacier blizzard alpine summit"
    ),
    "harbour": _words(
        "harbour harbor lighthouse pier jetty quay port dock boat boats ship ships sailing storm "
        "fishing gulls"
    ),
    "beach": _words(
        "beach sand sandcastle shore seaside sea ocean palm palms island surf coast bay tide shells"
    ),
    "forest": _words(
        "forest woods woodland jungle trees mushrooms ferns clearing glade pines bluebells"
    ),
    "garden": _words(
        "garden gardens greenhouse glasshouse flowers roses vegetables vegetable orchard "
        "seedlings pumpkin pumpkins tulips sunflowers allotment"
    ),
    "city": _words(
        "city street streets town square skyline rooftop rooftops market tram bus downtown tower "
        "towers avenue pavement alley plaza traffic"
    ),
    "meadow": _words(
        "meadow hill hills field fields village countryside picnic path lane farm valley windmill "
        "kite country mill"
    ),
    "space": _words(
        "space moon lunar planet planets galaxy crater craters orbit asteroid mars spaceship "
        "rocket stars comet comets"
    ),
}

TIMES: Mapping[str, frozenset[str]] = {
    "night": _words("night midnight moonlit moonlight starry stars moon"),
    "sunset": _words("sunset evening golden sundown"),
    "dusk": _words("dusk twilight nightfall lamplight"),
    "morning": _words("morning dawn sunrise breakfast early"),
    "day": _words("day noon sunny midday afternoon bright sun sunshine"),
}

WEATHERS: Mapping[str, frozenset[str]] = {
    "rain": _words("rain rainy raining storm stormy drizzle puddle puddles downpour"),
    "snow": _words("snow snowy snowing snowfall blizzard snowflakes"),
    "mist": _words("mist misty fog foggy haze"),
    "leaves": _words("autumn leaves windy wind gust"),
}

SEASONS: Mapping[str, frozenset[str]] = {
    "winter": _words("winter snow snowy frost christmas icy"),
    "autumn": _words("autumn october november pumpkin pumpkins harvest leaves"),
    "spring": _words("spring blossom blossoms april easter tulips bluebells"),
    "summer": _words("summer july august sunflowers"),
}

LEAPS = _words(
    "jump jumps jumping leap leaps leaping dance dances dancing hop hops flies flying float "
    "floats floating skips skipping bounces drifts drifting"
)
CLOSE = _words("close-up closeup portrait headshot")

INDOORS = ("kitchen", "library", "parlour")


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is settled about a scene before the first stroke."""

    scene: str
    time: str
    weather: str
    season: str
    pose: str
    """``stands``, ``leaps`` or ``close``."""
    words: frozenset[str]
    accents: tuple[Colour, ...]
    """The character's own colours, which return in sails, awnings and rugs."""

    def has(self, *words: str) -> bool:
        """Whether the prompt holds one of ``words``."""
        return not self.words.isdisjoint(words)


def read(prompt: str, dice: Dice, accents: tuple[Colour, ...]) -> Story:
    """Choose scene, time of day, weather, season and pose."""
    words = frozenset(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", prompt.lower()))
    # Every die is thrown, whatever the words say, so that one word changes one thing.
    any_scene = dice.pick(("meadow", "forest", "beach", "city", "harbour", "garden", "snowfield"))
    any_time = dice.pick(("day", "day", "morning", "morning", "sunset", "dusk"))
    any_season = dice.pick(("spring", "summer", "summer", "autumn"))
    scene = _most(SCENES, words) or any_scene
    weather = _most(WEATHERS, words) or "clear"
    time = _most(TIMES, words) or any_time
    if weather == "rain" and time in ("day", "morning"):
        time = "rain"
    season = "winter" if scene == "snowfield" else _most(SEASONS, words) or any_season
    if scene in (*INDOORS, "reef", "space"):
        weather = "clear"
    pose = "leaps" if words & LEAPS else "close" if words & CLOSE else "stands"
    return Story(scene, time, weather, season, pose, words, accents)


def _most(table: Mapping[str, frozenset[str]], words: frozenset[str]) -> str | None:
    """The entry with the most words in the prompt, the upper of equals; ``None`` without any."""
    best = max(table, key=lambda name: len(table[name] & words))
    return best if table[best] & words else None
