import pytest

from ideogram_pipeline_tests.sandbox.calls import order


def spans(api):
    """Start and end of every job, as the truth has them, first come first."""
    return sorted((job["startedAt"], job["completedAt"]) for job in api.truth()["jobs"])


def test_a_job_goes_from_queued_to_completed_by_the_clock(api):
    job_id = api.new_job()
    queued = api.job(job_id)
    assert (queued["status"], queued["progress"], queued["result"]) == ("QUEUED", 0, None)
    assert queued["completedAt"] is None
    api.clock.now += 2
    early = api.job(job_id)
    api.clock.now += 3
    late = api.job(job_id)
    assert early["status"] == late["status"] == "PROCESSING"
    assert 0 < early["progress"] < late["progress"] < 100
    api.clock.now += 60
    done = api.job(job_id)
    assert (done["status"], done["progress"], done["error"]) == ("COMPLETED", 100, None)
    assert done["createdAt"] == "2026-11-22T12:00:00.000Z"
    assert "2026-11-22T12:00:05" < done["completedAt"] < "2026-11-22T12:01:05"


@pytest.mark.parametrize(("tier", "seconds"), [("turbo", 6), ("default", 12), ("quality", 20)])
def test_the_time_of_a_tier_spreads_around_its_usual_time(start, tier, seconds):
    api = start(max_concurrent_jobs=100, speed=0.001)  # seconds become thousands of them
    for _ in range(60):
        api.new_job(order(rendering_speed=tier))
    rows = api.state.rows("SELECT (finished_ms - started_ms) / 1e6 FROM jobs")
    times = sorted(row[0] for row in rows)
    assert seconds * 0.9 < sum(times) / 60 < seconds * 1.15
    assert times[0] < seconds * 0.8
    assert times[-1] > seconds * 1.3


def test_the_same_seed_draws_the_same_times(start):
    def times(seed):
        api = start(seed=seed)
        for _ in range(5):
            api.new_job()
        return spans(api)

    assert times(1) == times(1) != times(2)


@pytest.mark.parametrize("tier", ["turbo", "quality"])
def test_every_job_can_take_the_same_time(start, tier):
    api = start(latency=2.5, speed=7, max_concurrent_jobs=2)
    for _ in range(3):
        api.new_job(order(rendering_speed=tier))
    rows = api.state.rows("SELECT started_ms - created_ms, finished_ms - started_ms FROM jobs")
    assert sorted(rows) == [(0, 2500), (0, 2500), (2500, 2500)]


def test_at_most_the_limit_is_worked_on_and_the_rest_waits(start):
    api = start(max_concurrent_jobs=3)
    for number in range(12):
        api.clock.now += 0.7
        api.new_job(order(rendering_speed=("turbo", "quality")[number % 2]))
    jobs = spans(api)
    assert [start for start, _ in jobs] == sorted(start for start, _ in jobs)
    for moment in {moment for job in jobs for moment in job}:
        assert sum(start <= moment < end for start, end in jobs) <= 3
    assert api.truth()["jobsByStatus"]["QUEUED"] > 0
    assert api.truth()["peakInFlight"] > 3


def test_a_slot_is_taken_as_soon_as_it_is_free(start):
    api = start(max_concurrent_jobs=1)
    for _ in range(3):
        api.new_job()
    (_, first_end), (second_start, second_end), (third_start, _) = spans(api)
    assert (first_end, second_end) == (second_start, third_start)


def test_over_the_limit_can_be_a_429_instead(start):
    api = start(max_concurrent_jobs=2, reject_over_limit=True)
    api.new_job()
    api.new_job()
    refused = api.submit()
    assert refused.status_code == 429
    wait = int(refused.headers["Retry-After"])
    assert wait >= 1
    assert api.truth()["charges"] == 30
    api.clock.now += wait
    assert api.submit().status_code == 202
    assert api.truth()["peakInFlight"] == 2


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("job_failed", "FAILED", "provider_error"),
        ("job_refused", "FAILED", "Provider returned an error: content policy violation"),
        ("job_cancelled", "CANCELLED", "Job was cancelled"),
    ],
)
def test_credits_come_back_at_the_moment_a_job_fails(api, fault, status, error):
    api.script({"fault": fault})
    job_id = api.new_job()
    end = api.state.row("SELECT finished_ms FROM jobs")[0] / 1000
    api.clock.now = end - 0.01
    assert api.job(job_id)["error"] is None
    assert api.balance() == 10_000 - 15
    api.clock.now = end + 0.001
    job = api.job(job_id)
    assert (job["status"], job["error"], job["creditCost"]) == (status, error, 0)
    assert (job["result"], job["progress"], job["expired"]) == (None, None, False)
    assert api.balance() == 10_000
    truth = api.truth()
    assert (truth["charges"], truth["refunds"], truth["balance"]) == (15, 15, 10_000)


def test_a_refund_can_stay_away(api):
    api.script({"fault": "job_failed_no_refund", "error": "lost at sea"})
    job_id = api.new_job()
    api.clock.now += 60
    job = api.job(job_id)
    assert (job["status"], job["error"], job["creditCost"]) == ("FAILED", "lost at sea", 15)
    assert api.balance() == 10_000 - 15


def test_a_refund_can_be_spent_again(start):
    api = start(opening_credits=15)
    api.script({"fault": "job_failed"})
    api.new_job()
    assert api.submit().status_code == 402
    api.clock.now += 60
    assert api.submit().status_code == 202
