"""What is to be done about each planned image, why, and for how much."""

from __future__ import annotations

import gc
from dataclasses import replace

import pytest

from ideogram_pipeline.catalog.model import Character, Prompt
from ideogram_pipeline.generation import schema
from ideogram_pipeline.planning.model import Bought, PlanEntry, PlannedImage, Standing
from ideogram_pipeline_tests.planning.rows import (
    catalog,
    character,
    decide_on,
    one,
    picture,
    plan,
    planned,
    prompt,
)


def entry_for(standing: Standing | None) -> PlanEntry:
    (entry,) = plan(prompt(), standings={one().fingerprint: standing} if standing else {}).entries()
    return entry


@pytest.mark.parametrize(
    ("state", "retriable", "decision", "words"),
    [
        ("stored", True, "reuse", "already on file"),
        ("submitting", True, "resume", "was being submitted"),
        ("submitted", True, "resume", "paid, not yet on file"),
        ("completed", True, "resume", "paid, not yet on file"),
        ("unresolved", True, "blocked", "may have been paid"),
        ("expired", True, "blocked", "purged"),
        ("failed", False, "blocked", "change the prompt"),
        ("failed", True, "generate", "failed last time (some trouble)"),
        ("rejected", True, "generate", "not charged"),
        ("withdrawn", True, "generate", "not charged"),
        ("absent", True, "generate", "not charged"),
    ],
)
def test_every_standing_has_its_decision(
    state: str, retriable: bool, decision: str, words: str
) -> None:
    entry = entry_for(Standing(state, 1, "some trouble", retriable))
    assert entry.decision == decision
    assert words in entry.reason
    # What was being submitted may have to be sent again, and then it is charged.
    assert entry.credits == (15 if decision == "generate" or state == "submitting" else 0)


def test_whether_a_failed_one_was_charged_is_not_claimed() -> None:
    """Its refund can be missing, and what was paid and lost is bought again from this state."""
    assert "charged" not in entry_for(Standing("failed", 1, "paid and lost")).reason


def test_no_state_of_the_journal_is_forgotten() -> None:
    for state in schema.STATES:
        decision = entry_for(Standing(state, 1)).decision
        # Whatever is live in the journal may be paid: it must never be planned as a purchase.
        assert (decision == "generate") <= (state not in schema.LIVE), state


def test_a_new_row_is_said_to_be_new() -> None:
    assert entry_for(None).reason == "new"
    both = plan(prompt(variations=2)).entries()
    assert [entry.reason for entry in both] == ["new", "new variation 2"]


def bought(image: PlannedImage, **changes: object) -> Bought:
    then = Bought(
        edition=image.edition,
        prompt=image.prompt,
        params=dict(image.params),
        reference_sha256=image.reference.sha256,
        image_sha256=image.image.sha256 if image.image else None,
        mask_sha256=image.mask.sha256 if image.mask else None,
    )
    return replace(then, **changes)  # type: ignore[arg-type]


def why(before: PlannedImage, now: Prompt, who: Character | None = None) -> str:
    then = {(now.prompt_id, 1): bought(before)}
    (entry,) = plan(now, cast=(who or character(),), bought=then).entries()
    assert entry.decision == "generate"
    return entry.reason


def test_what_changed_is_said() -> None:
    before = one(prompt(seed=7))
    assert why(before, prompt(seed=7, prompt="at the lake")) == "prompt text changed"
    assert why(before, prompt(seed=8)) == "seed 7 -> 8"
    other = character(reference=picture("new"))
    assert why(before, prompt(seed=7), other) == "reference changed"
    assert why(before, prompt(seed=7, rendering_speed="quality")) == (
        "rendering_speed default -> quality"
    )
    assert why(before, prompt(seed=7, resolution="1024x1024")) == (
        "aspect_ratio 1:1 -> unset, resolution unset -> 1024x1024"
    )


def test_a_new_edition_is_the_reason_not_the_seed_that_comes_with_it() -> None:
    assert why(one(), prompt(refresh="monthly")) == "new edition 2026-11"


def test_changed_inputs_of_a_repainting_are_named() -> None:
    pair = {"image": picture("i"), "mask": picture("m")}
    before = one(prompt(**pair))
    now = prompt(**(pair | {"mask": picture("m2")}))
    assert why(before, now) == "mask changed"


def test_several_changes_are_all_said() -> None:
    before = one(prompt(seed=7))
    now = prompt(seed=7, prompt="at the lake", style_type="Fiction")
    assert why(before, now) == "prompt text changed, style_type Auto -> Fiction"


TWINS = (prompt(seed=7), prompt(prompt_id="twin", seed=7))


def test_twins_are_bought_once() -> None:
    made = plan(*TWINS)
    first, second = made.entries()
    assert (first.decision, second.decision) == ("generate", "reuse")
    assert second.reason == "the same picture as ann-1 variation 1"
    assert made.quote == 15
    assert [image.prompt_id for image in made.images("generate")] == ["ann-1"]


def test_the_twin_of_what_failed_is_not_on_file() -> None:
    (image, _) = planned(*TWINS)
    made = plan(*TWINS, standings={image.fingerprint: Standing("failed", 1, "some trouble")})
    assert [entry.decision for entry in made.entries()] == ["generate", "reuse"]
    assert not made.kept(but=())


@pytest.mark.parametrize("state", ["stored", "submitted", "unresolved", "submitting"])
def test_twins_share_a_standing(state: str) -> None:
    (image, _) = planned(*TWINS)
    made = plan(*TWINS, standings={image.fingerprint: Standing(state, 1)})
    first, second = made.entries()
    assert first.decision == second.decision != "generate"
    assert first.reason == second.reason
    assert made.quote == (15 if state == "submitting" else 0)


def test_the_quote_is_by_tier() -> None:
    rows = [
        prompt(prompt_id=f"p{number}", rendering_speed=speed)
        for number, speed in enumerate(["turbo", "turbo", "default", "quality", "quality"])
    ]
    first = planned(*rows)[0].fingerprint
    made = plan(*rows, standings={first: Standing("stored", 1)})
    assert made.credits_by_speed() == {"turbo": 10, "default": 15, "quality": 40}
    assert made.quote == 65
    assert (made.count("generate"), made.count("reuse"), len(made)) == (4, 1, 5)


def test_a_plan_is_split_by_character() -> None:
    cast = (character(), character(character_id="bob", reference=picture("bob")))
    made = plan(prompt(), prompt(prompt_id="b", character_id="bob"), cast=cast)
    assert made.characters() == ["ann", "bob"]
    assert [share.quote for share in made.shares.values()] == [15, 15]
    assert [entry.prompt_id for entry in made.entries(character="bob")] == ["b"]


def test_what_is_on_file_is_counted_and_the_rest_is_listed() -> None:
    rows = [prompt(prompt_id=f"p{number}") for number in range(4)]
    prints = [image.fingerprint for image in planned(*rows)]
    made = plan(*rows, standings=dict.fromkeys(prints[:3], Standing("stored", 1)))
    assert made.kept(but=()) == {"ann": (3, 45)}
    assert made.kept(but=prints[:1]) == {"ann": (2, 30)}
    assert [entry.prompt_id for entry in made.not_kept(but=prints[:1])] == ["p0", "p3"]


def test_two_plans_of_one_catalog_do_not_meddle() -> None:
    rows = catalog(prompt(), prompt(prompt_id="b"))
    first = decide_on(rows, {})
    image = next(first.images())
    second = decide_on(rows, {image.fingerprint: Standing("stored", 1)})
    assert (first.count("generate"), second.count("generate")) == (2, 1)
    assert [entry.decision for entry in first.entries()] == ["generate", "generate"]


def test_a_plan_lives_as_long_as_what_is_read_of_it() -> None:
    images = decide_on(catalog(prompt(variations=2)), {}).images()
    gc.collect()
    assert [image.variation for image in images] == [1, 2]
