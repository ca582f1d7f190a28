"""What is to be done about each planned image, why, and for how much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ideogram_pipeline.generation import schema
from ideogram_pipeline.planning.decisions import Plan, decide
from ideogram_pipeline.planning.model import Bought, PlanEntry, PlannedImage, Standing
from ideogram_pipeline_tests.planning.rows import character, one, picture, planned, prompt


def entry_for(standing: Standing | None, image: PlannedImage | None = None) -> PlanEntry:
    image = image or one()
    (entry,) = decide([image], {image.fingerprint: standing} if standing else {}, {}).entries
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
    second = planned(prompt(variations=2))[1]
    assert entry_for(None, second).reason == "new variation 2"


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


def why(before: PlannedImage, now: PlannedImage) -> str:
    (entry,) = decide([now], {}, {(now.prompt_id, now.variation): bought(before)}).entries
    assert entry.decision == "generate"
    return entry.reason


def test_what_changed_is_said() -> None:
    before = one(prompt(seed=7))
    assert why(before, one(prompt(seed=7, prompt="at the lake"))) == "prompt text changed"
    assert why(before, one(prompt(seed=8))) == "seed 7 -> 8"
    other = character(reference=picture("new"))
    assert why(before, one(prompt(seed=7), other)) == "reference changed"
    assert why(before, one(prompt(seed=7, rendering_speed="quality"))) == (
        "rendering_speed default -> quality"
    )
    assert why(before, one(prompt(seed=7, resolution="1024x1024"))) == (
        "aspect_ratio 1:1 -> unset, resolution unset -> 1024x1024"
    )


def test_a_new_edition_is_the_reason_not_the_seed_that_comes_with_it() -> None:
    before, now = one(), one(prompt(refresh="monthly"))
    assert why(before, now) == "new edition 2026-11"


def test_changed_inputs_of_a_repainting_are_named() -> None:
    pair = {"image": picture("i"), "mask": picture("m")}
    before = one(prompt(**pair))
    now = one(prompt(**(pair | {"mask": picture("m2")})))
    assert why(before, now) == "mask changed"


def test_several_changes_are_all_said() -> None:
    before = one(prompt(seed=7))
    now = one(prompt(seed=7, prompt="at the lake", style_type="Fiction"))
    assert why(before, now) == "prompt text changed, style_type Auto -> Fiction"


TWINS = (prompt(seed=7), prompt(prompt_id="twin", seed=7))


def test_twins_are_bought_once() -> None:
    first, second = planned(*TWINS)
    plan = decide([first, second], {}, {})
    assert [entry.decision for entry in plan.entries] == ["generate", "reuse"]
    assert plan.entries[1].reason == "the same picture as ann-1 variation 1"
    assert plan.quote == 15
    assert [e.planned for e in plan.entries if e.decision == "generate"] == [first]


@pytest.mark.parametrize("state", ["stored", "submitted", "unresolved"])
def test_twins_share_a_standing(state: str) -> None:
    images = planned(*TWINS)
    plan = decide(images, {images[0].fingerprint: Standing(state, 1)}, {})
    assert plan.entries[0].decision == plan.entries[1].decision != "generate"
    assert plan.quote == 0


def test_the_quote_is_by_tier() -> None:
    rows = [
        prompt(prompt_id=f"p{number}", rendering_speed=speed)
        for number, speed in enumerate(["turbo", "turbo", "default", "quality", "quality"])
    ]
    images = planned(*rows)
    plan = decide(images, {images[0].fingerprint: Standing("stored", 1)}, {})
    assert plan.credits_by_speed() == {"turbo": 10, "default": 15, "quality": 40}
    assert plan.quote == 65
    assert (plan.count("generate"), plan.count("reuse")) == (4, 1)


def test_a_plan_can_be_split_by_character() -> None:
    cast = (character(), character(character_id="bob", reference=picture("bob")))
    images = planned(prompt(), prompt(prompt_id="b", character_id="bob"), cast=cast)
    plan = decide(images, {}, {})
    assert plan.characters() == ["ann", "bob"]
    assert [plan.of(name).quote for name in plan.characters()] == [15, 15]
    assert plan.of("nobody") == Plan(())
