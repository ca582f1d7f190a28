"""Each view over one small ledger whose sums can be done in the head."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from ideogram_pipeline.warehouse.changes import Append, Replace
from ideogram_pipeline.warehouse.publishing import publish
from ideogram_pipeline.warehouse.reading import query
from ideogram_pipeline_tests.warehouse.rows import (
    Row,
    character,
    entry,
    generation,
    image,
    planned,
)

_LATE = datetime(2026, 11, 30, 23, 59, 59, 999_999)
_EARLY = datetime(2026, 12, 1)

_MIRA: Row = {"character_id": "mira", "run_id": "run-1", "booked_at": _LATE}
_OTTO: Row = {"character_id": "otto", "run_id": "run-2", "booked_at": _EARLY}

_LEDGER = [
    entry("1", 10, job_id="m1", rendering_speed="turbo", **_MIRA),
    entry("2", 20, job_id="m2", rendering_speed="quality", **_MIRA),
    entry("3", 15, job_id="o1", rendering_speed="default", **_OTTO),
    # o2 cost 18 instead of 15; it failed, and the whole amount came back.
    entry("4", 15, job_id="o2", rendering_speed="default", **_OTTO),
    entry("5", 3, job_id="o2", rendering_speed="default", **_OTTO | {"entry_type": "correction"}),
    entry("6", -18, job_id="o2", rendering_speed="default", **_OTTO),
    # m2 is given back a month later.
    entry("7", -20, job_id="m2", rendering_speed="quality", **_MIRA | {"booked_at": _EARLY}),
    # Real money, which must never be added to the rest.
    entry("8", 10, job_id="m1", rendering_speed="turbo", **_MIRA | {"provider": "apiframe"}),
]

_PLAN = [
    planned("fingerprint-m1", "reuse"),
    planned("fingerprint-m1", "reuse", prompt_id="mira-twin"),
    planned("fingerprint-o1", "reuse", character_id="otto", run_id="run-2"),
    planned("fingerprint-lost", "reuse", character_id="otto", run_id="run-2"),
    planned("fingerprint-new", "generate", 20),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("views") / "warehouse.duckdb"
    # One picture stands under two prompts, and counts once.
    images = [image("m1"), image("m1", prompt_id="mira-twin"), image("o1", character_id="otto")]
    # m1 was bought twice: what is stored is the second one, for 10.
    generations = [
        generation("m0", 15, fingerprint="fingerprint-m1", status="expired"),
        generation("m1", 10, attempt=2),
        generation("o1", None, expected_credits=15),
    ]
    publish(
        path,
        [
            Append("credit_ledger", _LEDGER, "entry_id"),
            Replace("images", images),
            Replace("generations", generations),
            Replace("generation_plan", _PLAN),
            Replace("characters", [character("mira")]),
        ],
    )
    return path


def sandbox(path: Path, view: str) -> list[tuple[object, ...]]:
    ask = f"SELECT * EXCLUDE (provider) FROM {view} WHERE provider = 'sandbox'"
    return query(path, ask).rows


def test_providers_are_never_added_up(path: Path) -> None:
    for view in ("run", "character", "day", "month", "tier"):
        rows = query(path, f"SELECT provider, sum(net) FROM spend_by_{view} GROUP BY 1").rows
        assert sorted(rows) == [("apiframe", 10), ("sandbox", 25)]


# Columns after the key: charges, refunds, net, images.
def test_spend_by_run(path: Path) -> None:
    assert sandbox(path, "spend_by_run") == [("run-1", 30, 20, 10, 1), ("run-2", 33, 18, 15, 1)]


def test_spend_by_character(path: Path) -> None:
    assert sandbox(path, "spend_by_character") == [
        ("mira", "Mira", 30, 20, 10, 1),
        ("otto", None, 33, 18, 15, 1),
    ]


def test_spend_by_day(path: Path) -> None:
    assert sandbox(path, "spend_by_day") == [
        (date(2026, 11, 30), 30, 0, 30, 1),
        (date(2026, 12, 1), 33, 38, -5, 1),
    ]


def test_spend_by_month(path: Path) -> None:
    assert sandbox(path, "spend_by_month") == [
        (date(2026, 11, 1), 30, 0, 30, 1),
        (date(2026, 12, 1), 33, 38, -5, 1),
    ]


def test_spend_by_tier(path: Path) -> None:
    assert sandbox(path, "spend_by_tier") == [
        ("default", 33, 18, 15, 1),
        ("quality", 20, 20, 0, 0),
        ("turbo", 10, 0, 10, 1),
    ]


def test_credits_avoided_shows_what_it_does_not_know(path: Path) -> None:
    rows = query(path, "FROM credits_avoided ORDER BY character_id, images_unpriced").rows
    assert rows == [
        ("sandbox", "run-1", "mira", 2, 20, 0),
        ("sandbox", "run-2", "otto", 1, 15, 0),
        (None, "run-2", "otto", 1, None, 1),
    ]


def test_focus_costs_add_up_to_the_ledger_in_credits_and_claim_no_money(path: Path) -> None:
    rows = query(
        path,
        'SELECT sum("PricingCurrencyEffectiveCost"), any_value("PricingCurrency"),'
        ' count("BilledCost"), count("BillingCurrency"), any_value("ChargeCategory")'
        " FROM focus_costs WHERE \"ProviderName\" = 'sandbox'",
    ).rows
    assert rows == [(25, "Credit", 0, 0, "Usage")]


def test_focus_quantity_times_price_is_the_cost_wherever_there_is_a_price(path: Path) -> None:
    rows = query(
        path,
        'SELECT "x_EntryId" FROM focus_costs WHERE "PricingQuantity"'
        ' * "PricingCurrencyContractedUnitPrice" <> "PricingCurrencyEffectiveCost"',
    ).rows
    assert rows == []


def test_focus_marks_only_what_changes_an_earlier_month(path: Path) -> None:
    rows = query(path, 'SELECT "x_EntryId", "ChargeClass" FROM focus_costs').rows
    assert [entry_id for entry_id, charge_class in rows if charge_class == "Correction"] == ["7"]


def test_focus_periods_hold_the_entry(path: Path) -> None:
    rows = query(
        path,
        'SELECT "ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd"'
        " FROM focus_costs WHERE \"x_EntryId\" = '1'",
    ).rows
    november, december = datetime(2026, 11, 1), datetime(2026, 12, 1)
    assert rows == [(datetime(2026, 11, 30), december, november, december)]
