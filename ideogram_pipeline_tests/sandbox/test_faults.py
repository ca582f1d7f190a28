"""Faults that can be seen without a connection; `test_connections.py` has the others."""

import json

import httpx
import pytest

from ideogram_pipeline.sandbox.faults import Faults
from ideogram_pipeline_tests.sandbox.calls import PNG, order


def finished(api):
    job_id = api.new_job()
    api.clock.now += 120
    return job_id, f"/cdn/images/{job_id}-0.png"


@pytest.mark.parametrize(
    ("fault", "status"), [("rate_limited", 429), ("unavailable_before", 503), ("html_500", 500)]
)
def test_a_fault_before_accepts_nothing_and_leaves_the_key_free(api, fault, status):
    api.script({"fault": fault, "seconds": 7})
    answer = api.submit(order(seed=1), idem="one")
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert (fault == "html_500") == answer.text.startswith("<!DOCTYPE html>")
    assert api.truth()["charges"] == 0
    api.new_job(order(seed=2), idem="one")
    assert api.truth()["idempotencyKeys"] == {"one": {"submissions": 2, "jobs": 1}}


@pytest.mark.parametrize(
    ("fault", "status"),
    [("unavailable_after", 503), ("html_500_after", 500), ("truncated_json", 202)],
)
def test_a_fault_after_hides_a_paid_job_that_a_replay_finds(api, fault, status):
    api.script({"fault": fault})
    answer = api.submit(idem="one")
    assert answer.status_code == status
    with pytest.raises(json.JSONDecodeError if status != 503 else KeyError):
        answer.json()["jobId"]
    (job,) = api.truth()["jobs"]
    assert api.new_job(idem="one") == job["id"]
    assert api.truth()["charges"] == 15


@pytest.mark.parametrize(("fault", "jobs"), [("lost_before", 0), ("lost_after", 1)])
def test_in_process_a_lost_answer_is_a_transport_error(api, fault, jobs):
    api.script({"fault": fault})
    with pytest.raises(httpx.ReadError):
        api.submit()
    truth = api.truth()
    assert (truth["jobCount"], truth["requests"]) == (jobs, {"generate": {"lost": 1}})


def test_a_slow_answer_comes_late_and_whole(api):
    api.script({"fault": "slow", "seconds": 0.05})
    answer = api.submit()
    assert answer.status_code == 202
    assert answer.elapsed.total_seconds() >= 0.05


def test_polling_can_be_throttled_and_refused(api):
    job_id = api.new_job()
    api.script({"fault": "poll_rate_limited"}, {"fault": "poll_unavailable"})
    throttled = api.get("/v2/jobs")
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "1")
    assert api.get(f"/v2/jobs/{job_id}").status_code == 503
    assert api.get(f"/v2/jobs/{job_id}").status_code == 200


def test_an_upload_can_fail_once(api):
    api.script({"fault": "upload_failed"})
    assert api.post("/v2/uploads", files={"file": PNG}).status_code == 502
    assert api.truth()["uploads"]["count"] == 0
    assert api.upload()["byteSize"] == len(PNG)


def test_a_url_can_come_later_than_the_completion(api):
    api.script({"fault": "url_later", "seconds": 100})
    job_id = api.new_job()
    api.clock.now = api.state.row("SELECT finished_ms FROM jobs")[0] / 1000 + 0.001
    job = api.job(job_id)
    assert (job["status"], job["result"]) == ("COMPLETED", None)
    assert api.get(f"/cdn/images/{job_id}-0.png").status_code == 404
    api.clock.now += 100
    assert api.job(job_id)["result"]["images"]


def test_a_short_download_looks_whole(api):
    _, url = finished(api)
    api.script({"fault": "short_download"})
    short, whole = api.get(url), api.get(url)
    assert short.content == whole.content[: len(whole.content) // 2]
    assert int(short.headers["Content-Length"]) == len(short.content)
    assert api.truth()["downloads"]["count"] == 1


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("not_an_image", 200, "text/html; charset=utf-8"),
        ("cdn_503", 503, "application/json"),
        ("cdn_404", 404, "application/json"),
    ],
)
def test_a_download_can_fail_once(api, fault, status, kind):
    _, url = finished(api)
    api.script({"fault": fault})
    answer = api.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    assert api.get(url).headers["content-type"] == "image/png"


def test_a_purged_file_is_gone_for_good(api):
    job_id, url = finished(api)
    api.script({"fault": "purged"})
    assert api.get(url).status_code == 404
    assert api.get(url).status_code == 404
    assert api.job(job_id)["expired"] is True


def test_a_script_is_worked_off_in_order_route_by_route(api):
    api.script(
        {"fault": "unavailable_before", "times": 2, "after": 1},
        {"fault": "rate_limited"},
        {"fault": "unavailable_before", "route": "me"},
    )
    assert [api.submit().status_code for _ in range(5)] == [202, 503, 503, 429, 202]
    assert [api.get("/v2/me").status_code for _ in range(2)] == [503, 200]


def test_jobs_and_answers_have_lines_of_their_own(api):
    api.script({"fault": "job_failed", "after": 1}, {"fault": "unavailable_before"})
    assert [api.submit().status_code for _ in range(3)] == [503, 202, 202]
    api.clock.now += 60
    assert sorted(job["status"] for job in api.truth()["jobs"]) == ["COMPLETED", "FAILED"]


def test_a_replay_makes_no_job_and_uses_up_no_fate(api):
    api.new_job(idem="one")
    api.script({"fault": "job_failed"})
    api.new_job(idem="one")
    api.new_job(idem="two")
    api.clock.now += 60
    fates = {job["idempotencyKey"]: job["status"] for job in api.truth()["jobs"]}
    assert fates == {"one": "COMPLETED", "two": "FAILED"}


def test_a_script_can_be_dropped(api):
    api.script({"fault": "rate_limited", "times": 99})
    api.send("DELETE", "/sandbox/faults")
    assert api.submit().status_code == 202


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"fault": "gremlins"},
        {"fault": "slow", "times": 0},
        {"fault": "slow", "route": "generat"},
        {"fault": "slow", "wait": 1},
    ],
)
def test_a_misspelt_script_is_refused(api, line):
    answer = api.post("/sandbox/faults", [line])
    assert (answer.status_code, answer.json()["error"]) == (400, "Validation failed")


def test_probabilities_strike_as_often_as_they_say_and_repeat_by_seed(start):
    def struck(seed):
        api = start(faults=Faults(unavailable_before=0.3, job_failed=0.3), seed=seed)
        answers = [api.submit().status_code for _ in range(100)]
        api.clock.now += 3600
        return answers, api.truth()["jobsByStatus"]

    answers, fates = struck(1)
    assert 18 <= answers.count(503) <= 42
    assert 10 <= fates["FAILED"] <= 35
    assert struck(1) == (answers, fates)
    assert struck(2) != (answers, fates)


def test_a_fault_that_is_certain_always_strikes(start):
    api = start(faults=Faults(rate_limited=1))
    assert {api.submit().status_code for _ in range(5)} == {429}
    assert api.get("/v2/me").status_code == 200
