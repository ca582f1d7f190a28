"""What a bad row gets: one reason for each problem, while the other rows go on."""

from __future__ import annotations

import pytest

from ideogram_pipeline.catalog import rules
from ideogram_pipeline.catalog.model import Prompt
from ideogram_pipeline_tests.catalog.conftest import CHARACTERS, PROMPTS, Cast

ID_RULE = (
    "must be 1 to 100 letters (A-Z, a-z), digits, dots, underscores and hyphens, "
    "beginning with a letter or digit"
)
FOLDER_RULE = "must not hold two dots in a row or end in a dot: it names a folder"
DEVICE_RULE = "is the name of a device on Windows, where no folder can be called that"
SIZES_RULE = "must be one of the 69 sizes in docs/catalog.md, or None"
NUMBER_RULE = "must be a whole number from 1 to 2147483647"
STYLES = "must be one of Auto, Fiction, Realistic"
SPEEDS = "must be one of default, quality, turbo"
REFRESHES = (
    "must be one of never, daily, weekly, monthly, or a cron expression such as `0 6 * * MON`"
)
FIELDS = "(minute, hour, day of month, month, day of week)"
ONE_MINUTE = "but must be one number from 0 to 59, so that a row is made anew once an hour at most"
RATIOS = "1:1, 1:3, 2:3, 3:1, 3:2, 3:4, 4:3, 9:16, 10:16, 16:9, 16:10"


def only_prompt(cast: Cast, **cells: str) -> Prompt:
    assert cast.prompt_problems(**cells) == []
    (prompt,) = cast.read().prompts
    return prompt


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("prompt_id", "", "is blank, and every row needs one"),
        ("prompt_id", "-storm", ID_RULE),
        ("prompt_id", "stürm", ID_RULE),
        ("prompt_id", "a/b", ID_RULE),
        ("prompt_id", "x" * 101, ID_RULE),
        ("prompt_id", "a..b", FOLDER_RULE),
        ("prompt_id", "storm.", FOLDER_RULE),
        ("prompt_id", "CON", DEVICE_RULE),
        ("prompt_id", "nul.txt", DEVICE_RULE),
        ("prompt", " \n ", "is blank, and every row needs one"),
        ("prompt", "a\x07b", "holds the control character U+0007 at position 2: remove it"),
        (
            "prompt",
            "caf\ufffd",
            "holds the sign for a lost letter (U+FFFD) at position 4: type the text again",
        ),
        ("aspect_ratio", "16x9", f"must be one of {RATIOS}; did you mean '16:9'?"),
        ("aspect_ratio", "16:09", f"must be one of {RATIOS}; did you mean '16:9'?"),
        ("aspect_ratio", "03:04", f"must be one of {RATIOS}; did you mean '3:4'?"),
        ("aspect_ratio", "5:4", f"must be one of {RATIOS}"),
        ("resolution", "1024x1000", f"{SIZES_RULE}; did you mean '1024x1024'?"),
        ("resolution", "huge", SIZES_RULE),
        ("seed", "0", NUMBER_RULE),
        ("seed", "2147483648", NUMBER_RULE),
        ("seed", "7.5", NUMBER_RULE),
        ("seed", "2.1E+09", NUMBER_RULE),
        ("seed", "9" * 5000, NUMBER_RULE),
        ("seed", "٣", NUMBER_RULE),
        ("style_type", "anime", STYLES),
        ("style_type", "Fictoin", f"{STYLES}; did you mean 'Fiction'?"),
        ("magic_prompt_option", "yes", "must be one of Auto, Off, On"),
        ("rendering_speed", "fast", SPEEDS),
        ("variations", "0", "must be a whole number from 1 to 100"),
        ("variations", "101", "must be a whole number from 1 to 100"),
        (
            "refresh",
            "week",
            f"{REFRESHES}; did you mean 'weekly'?",
        ),
        ("refresh", "@daily", f"{REFRESHES}; did you mean 'daily'?"),
        ("refresh", "0 6 * *", f"{REFRESHES}: this has 4 fields instead of five {FIELDS}"),
        ("refresh", "0 0 6 * * *", f"{REFRESHES}: this has 6 fields instead of five {FIELDS}"),
        ("refresh", "* * * * *", f"{REFRESHES}: the minute of this is *, {ONE_MINUTE}"),
        ("refresh", "*/5 * * * *", f"{REFRESHES}: the minute of this is */5, {ONE_MINUTE}"),
        ("refresh", "0,30 6 * * *", f"{REFRESHES}: the minute of this is 0,30, {ONE_MINUTE}"),
        ("refresh", "60 6 * * *", f"{REFRESHES}: the minute of this is 60, {ONE_MINUTE}"),
        ("refresh", "0 24 * * *", f"{REFRESHES}: this has a bad hour"),
        ("refresh", "0 6 30 2 *", f"{REFRESHES}: this has a bad day-of-month"),
        ("refresh", "0 6 31 2,4 *", f"{REFRESHES}: this has a bad day-of-month"),
        ("refresh", "0 6 1 FEBRUARY *", f"{REFRESHES}: this has a bad month"),
        ("refresh", "0 6 * * MONDAY", f"{REFRESHES}: this has a bad day-of-week"),
        ("refresh", "0 6 * * FRI-MON", f"{REFRESHES}: this has a bad day-of-week"),
        ("refresh", "0 6 */31 * MON#5", f"{REFRESHES}: this has no day that ever comes"),
        (
            "refresh",
            "0 6 * * \u017fun",
            f"{REFRESHES}: this has a letter in it that cron does not know",
        ),
        (
            "refresh",
            "0 " + "9" * 5000 + " * * *",
            f"{REFRESHES}: this is longer than 250 characters",
        ),
        ("enabled", "maybe", "must be true or false (also yes or no, 1 or 0)"),
        ("title", "a\x1fb", "holds the control character U+001F at position 2: remove it"),
        ("tags", "a;\x7f", "holds the control character U+007F at position 3: remove it"),
    ],
)
def test_cell_of_a_prompt(cast: Cast, column: str, cell: str, reason: str) -> None:
    shown = cell if len(cell) <= 80 else f"{cell[:79]}…"
    found = f" (found {shown!r})" if cell else ""
    assert cast.prompt_problems(**{column: cell}) == [f"column {column}: {reason}{found}"]
    assert not len(cast.read().prompts)


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("name", "", "is blank, and every row needs one"),
        ("reference_image", "", "is blank, and every row needs one"),
        ("style_type", "none", STYLES),
        ("rendering_speed", "turbos", f"{SPEEDS}; did you mean 'turbo'?"),
        ("aspect_ratio", "square", f"must be one of {RATIOS}"),
        ("prompt_prefix", "a\x1bb", "holds the control character U+001B at position 2: remove it"),
        ("monthly_credit_budget", "-1", "must be a whole number, 0 or more"),
        ("monthly_credit_budget", "$5", "must be a whole number, 0 or more"),
    ],
)
def test_cell_of_a_character(cast: Cast, column: str, cell: str, reason: str) -> None:
    found = f" (found {cell!r})" if cell else ""
    assert cast.character_problems(**{column: cell}) == [f"column {column}: {reason}{found}"]
    assert cast.read().characters == {}


def test_values_in_any_case_are_read_as_they_are_sent(cast: Cast) -> None:
    prompt = only_prompt(
        cast,
        prompt="  lights\t the\u00a0lamp\n",
        resolution=" 1024X1024 ",
        seed="7.0",
        style_type="FICTION",
        magic_prompt_option="on",
        rendering_speed=" Turbo ",
        variations="3.0",
        refresh="Weekly",
        enabled="NO",
        tags=" cover ;; spring;cover",
        title="Cafe\u0301",
    )
    assert prompt == Prompt(
        prompt_id="storm",
        character_id="mira",
        prompt="lights the lamp",
        resolution="1024x1024",
        seed=7,
        style_type="Fiction",
        magic_prompt_option="On",
        rendering_speed="turbo",
        variations=3,
        refresh="weekly",
        enabled=False,
        title="Café",
        tags=("cover", "spring"),
        line=2,
    )


@pytest.mark.parametrize(
    ("cell", "refresh"),
    [
        ("", "never"),
        ("NEVER", "never"),
        ("0 6 * * MON", "0 6 * * MON"),
        (" 0\t6  *\u00a0* mon-fri\n", "0 6 * * MON-FRI"),
        ("30 * * * *", "30 * * * *"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 * 2 MON#5", "0 0 * 2 MON#5"),
        ("15 */2 LW jan,jul *", "15 */2 LW JAN,JUL *"),
    ],
)
def test_refresh(cast: Cast, cell: str, refresh: str) -> None:
    assert only_prompt(cast, refresh=cell).refresh == refresh


@pytest.mark.parametrize("cell", ["true", "TRUE", "yes", "1", ""])
def test_enabled(cast: Cast, cell: str) -> None:
    assert only_prompt(cast, enabled=cell).enabled


@pytest.mark.parametrize("ratio", rules.RATIO.values)
def test_every_ratio(cast: Cast, ratio: str) -> None:
    assert only_prompt(cast, aspect_ratio=ratio).aspect_ratio == ratio


def test_every_resolution() -> None:
    assert len(rules.RESOLUTION.values) == 69
    for size in rules.RESOLUTION.values:
        assert rules.RESOLUTION.parse(size) == size


def test_resolution_none_leaves_the_size_to_the_ratio(cast: Cast) -> None:
    prompt = only_prompt(cast, resolution="none", aspect_ratio="16:9")
    assert (prompt.resolution, prompt.aspect_ratio) == (None, "16:9")


def test_ratio_and_resolution(cast: Cast) -> None:
    assert cast.prompt_problems(aspect_ratio="16:9", resolution="1280x704") == [
        "column resolution: excludes aspect_ratio: blank aspect_ratio to get 1280x704, "
        "or blank resolution to get 16:9 (found '1280x704')"
    ]


def test_ratio_of_the_character_does_not_exclude_a_resolution(cast: Cast) -> None:
    cast.characters("character_id,name,reference_image,aspect_ratio\nmira,Mira,mira.png,3:4\n")
    assert only_prompt(cast, resolution="1280x704").resolution == "1280x704"


def test_seeds_of_variations(cast: Cast) -> None:
    assert only_prompt(cast, seed="2147483645", variations="3").seed == 2147483645
    assert cast.prompt_problems(seed="2147483646", variations="3") == [
        "column seed: the 3 variations take this seed and those after it, up to 2147483648, but "
        "2147483647 is the last: write 2147483645 or less (found '2147483646')"
    ]


def test_all_problems_of_a_row_at_once(cast: Cast) -> None:
    problems = cast.prompt_problems(
        character_id="miro", prompt="", seed="x", aspect_ratio="1:2", resolution="1x1"
    )
    assert [problem.partition(":")[0] for problem in problems] == [
        "column character_id",
        "column prompt",
        "column seed",
        "column aspect_ratio",
        "column resolution",
        "column resolution",
    ]


def test_disabled_rows_are_checked_as_well(cast: Cast) -> None:
    assert cast.prompt_problems(enabled="false", seed="0") == [
        f"column seed: {NUMBER_RULE} (found '0')"
    ]


def test_prompt_of_2000_units_with_emoji(cast: Cast) -> None:
    assert only_prompt(cast, prompt="🦊" * 1000).prompt == "🦊" * 1000


def test_prompt_of_2001_units_with_emoji(cast: Cast) -> None:
    (problem,) = cast.prompt_problems(prompt="🦊" * 1000 + "x")
    assert problem.startswith(
        "column prompt: is 2,001 UTF-16 units long; at most 2,000 are allowed "
        "(an emoji counts as two or more): shorten it by 1 (found '🦊"
    )


def test_prompt_too_long_with_prefix_and_suffix(cast: Cast) -> None:
    cast.characters(
        "character_id,name,reference_image,prompt_prefix,prompt_suffix\n"
        "mira,Mira,mira.png,Ink 🖋,at dusk\n"
    )
    assert only_prompt(cast, prompt="x" * 1985).prompt == "x" * 1985
    (problem,) = cast.prompt_problems(prompt="x" * 1986)
    assert problem.startswith(
        "column prompt: is 2,001 UTF-16 units long with the 15 of its character's prefix and "
        "suffix; at most 2,000 are allowed (an emoji counts as two or more): shorten it by 1 "
    )


def test_duplicate_ids_refuse_every_row_that_has_them(cast: Cast) -> None:
    cast.prompts(PROMPTS + "noon,mira,sits\nSTORM,mira,sails\nstorm,mira\n")
    assert [prompt.prompt_id for prompt in cast.read().prompts] == ["noon"]
    assert [problem for problem in cast.problems() if "prompt_id" in problem] == [
        "cast/prompts.csv, line 2, column prompt_id: is also the id of line 4 (as 'STORM') and "
        "line 5; every id must be unique, whatever its letter case (found 'storm')",
        "cast/prompts.csv, line 4, column prompt_id: is also the id of line 2 (as 'storm') and "
        "line 5 (as 'storm'); every id must be unique, whatever its letter case (found 'STORM')",
        "cast/prompts.csv, line 5, column prompt_id: is also the id of line 2 and "
        "line 4 (as 'STORM'); every id must be unique, whatever its letter case (found 'storm')",
    ]


def test_many_duplicates_name_a_few_lines(cast: Cast) -> None:
    cast.prompts(PROMPTS + "storm,mira,x\n" * 9)
    problems = cast.problems()
    assert len(problems) == 10
    assert problems[-1] == (
        "cast/prompts.csv, line 11, column prompt_id: is also the id of line 2 and line 3 and "
        "line 4 and 6 more; every id must be unique, whatever its letter case (found 'storm')"
    )


def test_characters_that_differ_only_in_case_take_their_prompts_with_them(cast: Cast) -> None:
    cast.characters(CHARACTERS + "Mira,Mira,mira.png\n")
    assert cast.read().characters == {}
    assert cast.problems() == [
        "cast/characters.csv, line 2, column character_id: is also the id of line 3 (as 'Mira'); "
        "every id must be unique, whatever its letter case (found 'mira')",
        "cast/characters.csv, line 3, column character_id: is also the id of line 2 (as 'mira'); "
        "every id must be unique, whatever its letter case (found 'Mira')",
        "cast/prompts.csv, line 2, column character_id: this character was refused "
        "(cast/characters.csv, line 2): mend that row first (found 'mira')",
    ]


@pytest.mark.parametrize("written", ["mria", "Mira"])
def test_unknown_character(cast: Cast, written: str) -> None:
    assert cast.prompt_problems(character_id=written) == [
        "column character_id: is not the id of any character in cast/characters.csv; "
        f"did you mean 'mira'? (found '{written}')"
    ]


def test_unknown_character_like_no_other(cast: Cast) -> None:
    assert cast.prompt_problems(character_id="bob") == [
        "column character_id: is not the id of any character in cast/characters.csv (found 'bob')"
    ]


def test_reject_names_its_row(cast: Cast) -> None:
    cast.prompt_problems(seed="x")
    (reject,) = cast.read().rejects
    assert (reject.character_id, reject.row_id) == ("mira", "storm")
    assert (reject.line, reject.column, reject.value) == (2, "seed", "x")
