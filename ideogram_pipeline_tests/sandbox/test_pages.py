import pytest


def walk(api, query="limit=10", between=lambda: None):
    """All jobs, page by page."""
    jobs, cursor = [], ""
    while True:
        page = api.get(f"/v2/jobs?{query}{cursor}").json()
        jobs += page["jobs"]
        assert page["hasMore"] == (page["nextCursor"] is not None)
        if not page["hasMore"]:
            return jobs
        cursor = f"&cursor={page['nextCursor']}"
        between()


def test_pages_are_newest_first_and_list_everything_once(api):
    made = []
    for number in range(25):
        made.append(api.new_job())
        api.clock.now += 0.001 * (number % 3)  # some share their millisecond
    jobs = walk(api)
    assert {job["id"] for job in jobs} == set(made)
    assert len(jobs) == 25
    keys = [(job["createdAt"], job["id"]) for job in jobs]
    assert keys == sorted(keys, reverse=True)


@pytest.mark.parametrize("step", [0, 0.001])
def test_jobs_that_arrive_while_paging_shift_nothing(api, step):
    made = [api.new_job() for _ in range(15)]

    def one_more():
        api.clock.now += step
        api.new_job()

    api.clock.now += step
    seen = [job["id"] for job in walk(api, "limit=4", one_more)]
    assert len(seen) == len(set(seen))
    assert set(made) <= set(seen)


def test_a_page_has_twenty_jobs_unless_asked_otherwise(api):
    for _ in range(22):
        api.new_job()
    assert len(api.get("/v2/jobs").json()["jobs"]) == 20
    assert len(api.get("/v2/jobs?limit=100").json()["jobs"]) == 22
    last = api.get("/v2/jobs?limit=22").json()
    assert (last["hasMore"], last["nextCursor"]) == (False, None)


def test_items_say_whether_they_are_expired_and_do_not_show_their_input(api):
    job_id = api.new_job()
    api.clock.now += 60
    (item,) = api.get("/v2/jobs").json()["jobs"]
    alone = api.job(job_id)
    assert item == {key: value for key, value in alone.items() if key != "input"}
    assert item["expired"] is False


def test_jobs_can_be_filtered_by_what_they_are_now(start):
    api = start(max_concurrent_jobs=2)
    api.script({"fault": "job_failed"}, {"fault": "job_cancelled"})
    for _ in range(5):
        api.new_job()
    api.clock.now += 2
    counted = {}
    for status in ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"):
        jobs = api.get(f"/v2/jobs?status={status}").json()["jobs"]
        assert {job["status"] for job in jobs} <= {status}
        counted[status] = len(jobs)
    assert counted == {"QUEUED": 3, "PROCESSING": 2, "COMPLETED": 0, "FAILED": 0, "CANCELLED": 0}
    api.clock.now += 200
    for status, number in (("COMPLETED", 3), ("FAILED", 1), ("CANCELLED", 1), ("QUEUED", 0)):
        assert len(api.get(f"/v2/jobs?status={status}").json()["jobs"]) == number


def test_jobs_can_be_searched_by_id_and_model(api):
    first, second = api.new_job(), api.new_job()
    (found,) = api.get(f"/v2/jobs?search={second.upper()}").json()["jobs"]
    assert found["id"] == second
    both = api.get("/v2/jobs?model=ideogram-character&include_models=true").json()
    assert {job["id"] for job in both["jobs"]} == {first, second}
    assert both["models"] == ["ideogram-character"]
    assert api.get("/v2/jobs?model=flux").json()["jobs"] == []


@pytest.mark.parametrize(
    "query",
    [
        "limt=5",
        "limit=0",
        "limit=101",
        "limit=many",
        "status=DONE",
        "scope=world",
        "include_models=yes",
        "search=fox",
        "cursor=",
        "cursor=%00",
        "cursor=Zm94",
        "cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk6eA==",
    ],
)
def test_a_bad_query_is_a_400(api, query):
    answer = api.get(f"/v2/jobs?{query}")
    assert answer.status_code == 400
    assert list(answer.json()["details"]) == [query.partition("=")[0]]
