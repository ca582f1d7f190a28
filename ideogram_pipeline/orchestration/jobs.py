"""The jobs that people, schedules, the sensor and the command line run."""

from __future__ import annotations

import dagster as dg

from ideogram_pipeline.orchestration.checks import CHECKS, nothing_overdue

CATALOG_JOB = dg.define_asset_job(
    "catalog",
    selection=dg.AssetSelection.groups("catalog"),
    description="Read the catalog and keep the partitions in step with it. Spends nothing.",
)

REFRESH_JOB = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.assets("generation_plan", "images", "credit_ledger", "gallery"),
    description="Plan, buy, book and show the pictures of the chosen characters. Spends credits "
    "for what is planned and not there yet.",
)

BOOKS_JOB = dg.define_asset_job(
    "books",
    selection=dg.AssetSelection.assets("spend_report", "reconciliation")
    | dg.AssetSelection.checks(nothing_overdue),
    description="Renew the spend report, compare the ledger with the provider, and look whether a "
    "character is overdue. Spends nothing.",
)

CHECKS_JOB = dg.define_asset_job(
    "checks",
    selection=dg.AssetSelection.checks(*CHECKS),
    description="Look at every picture and every entry again, without making anything: for a "
    "restored backup, or for peace of mind. Spends nothing.",
)

JOBS = [CATALOG_JOB, REFRESH_JOB, BOOKS_JOB, CHECKS_JOB]
