import pytest

from ideogram_pipeline_tests.sandbox.calls import order


def test_the_books_add_up_through_everything(api):
    api.script({"fault": "job_failed"}, {"fault": "job_failed_no_refund"})
    for speed in ("turbo", "default", "quality"):
        api.new_job(order(rendering_speed=speed))
    api.post("/sandbox/credits", {"credits": 500})
    before = api.truth()
    assert (before["charges"], before["refunds"], before["balance"]) == (45, 0, 10_455)
    api.clock.now += 100
    truth = api.truth()
    assert (truth["charges"], truth["refunds"], truth["balance"]) == (45, 10, 10_465)
    assert truth["balance"] == truth["opening"] + truth["purchased"] - 45 + 10
    assert truth["charges"] == sum(job["charge"] for job in truth["jobs"])
    assert truth["refunds"] == sum(job["refund"] for job in truth["jobs"])
    assert truth["jobsByStatus"] == {"COMPLETED": 1, "FAILED": 2}
    assert truth["balance"] == api.balance()


def test_jobs_are_told_with_what_was_asked_for(api):
    job_id = api.new_job(order("a heron", seed=42), idem="one")
    (job,) = api.truth()["jobs"]
    assert (job["id"], job["idempotencyKey"], job["prompt"], job["seed"]) == (
        job_id,
        "one",
        "a heron",
        42,
    )
    assert (job["status"], job["charge"], job["refund"]) == ("QUEUED", 15, 0)
    assert job["createdAt"] == "2026-11-22T12:00:00.000Z"


def test_requests_are_counted_by_route_and_status(api):
    job_id = api.new_job()
    api.submit({})
    api.submit(key=None)
    api.job(job_id)
    api.get("/v2/jobs")
    api.get("/v2/me")
    api.get("/v2/models")
    api.upload()
    api.get("/v2/nothing")
    assert api.truth()["requests"] == {
        "generate": {"202": 1, "400": 1, "401": 1},
        "job": {"200": 1},
        "jobs": {"200": 1},
        "me": {"200": 1},
        "models": {"200": 1},
        "other": {"404": 1},
        "uploads": {"201": 1},
    }


def test_a_summary_has_no_lists(api):
    api.new_job(idem="one")
    summary = api.get("/sandbox/truth?summary=1", key=None).json()
    assert not {"jobs", "idempotencyKeys"} & set(summary)
    assert (summary["jobCount"], summary["keyCount"], summary["keysWithSeveralJobs"]) == (1, 1, 0)


def test_the_peak_in_flight_is_remembered(api):
    for _ in range(3):
        api.new_job()
    api.clock.now += 100
    api.new_job()
    assert api.truth()["peakInFlight"] == 3


def test_the_first_job_and_the_last_download_are_dated(start):
    api = start(latency=1)
    truth = api.truth()
    assert (truth["firstJobAt"], truth["downloads"]["lastAt"]) == (None, None)
    api.clock.now += 5
    first = api.new_job()
    api.clock.now += 5
    api.new_job()
    url = api.job(first)["result"]["images"][0]
    for _ in range(2):
        api.clock.now += 10
        api.get(url)
    api.clock.now += 10
    api.get("/v2/me")
    truth = api.get("/sandbox/truth?summary=1", key=None).json()
    assert truth["firstJobAt"] == "2026-11-22T12:00:05.000Z"
    assert truth["downloads"]["lastAt"] == "2026-11-22T12:00:30.000Z"


def test_the_clock_can_be_advanced(api):
    job_id = api.new_job()
    api.post("/sandbox/clock", {"advance_seconds": 60.5})
    assert api.job(job_id)["status"] == "COMPLETED"
    assert api.get("/v2/me").headers["Date"] == "Sun, 22 Nov 2026 12:01:00 GMT"


def test_a_reset_forgets_everything(api):
    api.upload()
    job_id = api.new_job(idem="one")
    api.post("/sandbox/credits", {"credits": 5})
    api.post("/sandbox/clock", {"advance_seconds": 60})
    api.script({"fault": "rate_limited"})
    api.post("/sandbox/reset")
    truth = api.truth()
    assert (truth["balance"], truth["jobs"], truth["requests"]) == (10_000, [], {})
    assert truth["now"] == "2026-11-22T12:00:00.000Z"
    assert api.new_job(idem="one") != job_id


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("credits", {"credits": -1}),
        ("credits", {"credits": "5"}),
        ("clock", {"advance_seconds": -1}),
        ("clock", {}),
        ("purge", {"id": "x"}),
        ("faults", {"fault": "slow"}),
    ],
)
def test_a_lever_pulled_wrongly_is_a_400(api, path, body):
    answer = api.post(f"/sandbox/{path}", body)
    assert (answer.status_code, answer.json()["error"]) == (400, "Validation failed")
