"""The faults that a case meets: none, a scripted few, or many by chance."""

from __future__ import annotations

import random

from ideogram_pipeline.sandbox.faults import Faults
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.torture.cases import Case

SPEED = 200.0
"""A picture takes about 30 ms."""

UNLUCKY: list[dict[str, object]] = [
    {"fault": "job_failed"},
    {"fault": "lost_after", "after": 1},
    {"fault": "truncated_download"},
]
"""One fault of each kind, so that refunds, settling and a second download are reached."""

# Not among them: `purged` and `job_refused`, by which the provider itself keeps a picture back, so
# that "everything planned is there in the end" would no longer be the right answer.
STORM = Faults(
    rate_limited=0.02,
    unavailable_before=0.03,
    unavailable_after=0.05,
    html_500=0.02,
    html_500_after=0.04,
    lost_before=0.04,
    lost_after=0.06,
    truncated_json=0.04,
    slow=0.02,
    job_failed=0.05,
    job_failed_no_refund=0.03,
    job_cancelled=0.02,
    url_later=0.05,
    truncated_download=0.06,
    short_download=0.04,
    not_an_image=0.03,
    cdn_503=0.04,
    cdn_404=0.03,
    upload_failed=0.05,
    poll_rate_limited=0.02,
    poll_unavailable=0.03,
)
AFTER_ACCEPTANCE = ("lost_after", "unavailable_after", "html_500_after", "truncated_json")
SCRIPTED_IN_A_STORM = 2


def sandbox_options(case: Case) -> SandboxOptions:
    """The provider of a case."""
    return SandboxOptions(
        speed=SPEED,
        seed=case.seed,
        tiny=True,
        hide_input=case.mode == "hidden",
        ignore_idempotency_keys=case.mode == "ignored",
        faults=STORM if case.weather == "storm" else Faults(),
        slow_seconds=0.3,
    )


def script(case: Case, run: int) -> list[dict[str, object]]:
    """The faults that are certain in the ``run``-th run of a case, in order.

    In a storm these are submissions that are accepted and charged, and whose answer is of no use.
    """
    if case.weather == "unlucky":
        return UNLUCKY
    if case.weather == "calm":
        return []
    chance = random.Random(f"{case.seed}/{run}")
    return [
        {"fault": chance.choice(AFTER_ACCEPTANCE), "after": chance.randrange(4)}
        for _ in range(SCRIPTED_IN_A_STORM)
    ]
