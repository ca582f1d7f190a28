import pytest

from ideogram_pipeline_tests.sandbox.calls import order

HOUR = 3600


def test_a_replay_gives_the_original_job_as_it_is_now_and_charges_nothing(api):
    job_id = api.new_job(idem="one")
    api.clock.now += 60
    replay = api.submit(idem="one")
    assert replay.status_code == 202
    assert replay.json() == {"jobId": job_id, "status": "COMPLETED"}
    truth = api.truth()
    assert (truth["charges"], truth["jobCount"]) == (15, 1)
    assert truth["idempotencyKeys"] == {"one": {"submissions": 2, "jobs": 1}}


def test_the_order_of_a_bodys_fields_does_not_matter(api):
    body = order(seed=7)
    job_id = api.new_job(body, idem="one")
    assert api.new_job(dict(reversed(body.items())), idem="one") == job_id


def test_the_same_key_with_another_body_is_a_conflict(api):
    api.new_job(order(seed=1), idem="one")
    answer = api.submit(order(seed=2), idem="one")
    assert answer.status_code == 409
    assert "Idempotency-Key" in answer.json()["error"]
    assert api.truth()["charges"] == 15


def test_a_key_is_remembered_for_24_hours_from_its_first_use(api):
    job_id = api.new_job(idem="one")
    api.clock.now += 23 * HOUR
    assert api.new_job(idem="one") == job_id
    api.clock.now += HOUR
    second = api.new_job(order(seed=2), idem="one")
    assert second != job_id
    assert api.new_job(order(seed=2), idem="one") == second
    truth = api.truth()
    assert truth["charges"] == 30
    assert truth["idempotencyKeys"] == {"one": {"submissions": 4, "jobs": 2}}
    assert truth["keysWithSeveralJobs"] == 1


def test_keys_of_two_users_are_two_keys(api):
    assert api.new_job(idem="one", key="afk_a") != api.new_job(idem="one", key="afk_b")


def test_a_replay_is_answered_though_the_purse_is_empty_and_the_queue_is_full(start):
    api = start(opening_credits=15, max_concurrent_jobs=1, reject_over_limit=True)
    job_id = api.new_job(idem="one")
    assert api.new_job(idem="one") == job_id
    assert api.submit(idem="two").status_code == 429


@pytest.mark.parametrize(
    ("options", "first", "status"),
    [
        ({}, {"body": {}}, 400),
        ({}, {"key": None}, 401),
        ({"opening_credits": 0}, {}, 402),
        ({"max_concurrent_jobs": 1, "reject_over_limit": True}, {}, 429),
    ],
)
def test_a_refused_submission_leaves_its_key_free(start, options, first, status):
    api = start(**options)
    if status == 429:
        api.new_job()
    assert api.submit(idem="one", **first).status_code == status
    api.clock.now += 60
    api.post("/sandbox/credits", {"credits": 100})
    api.new_job(order(seed=2), idem="one")
    assert api.truth()["idempotencyKeys"]["one"]["jobs"] == 1


def test_a_key_has_at_most_255_characters(api):
    assert api.submit(idem="k" * 255).status_code == 202
    answer = api.submit(idem="k" * 256)
    assert answer.status_code == 400
    assert "255" in answer.json()["error"]


def test_keys_can_be_ignored(start):
    api = start(ignore_idempotency_keys=True)
    assert api.new_job(idem="one") != api.new_job(idem="one")
    truth = api.truth()
    assert truth["charges"] == 30
    assert truth["idempotencyKeys"] == {"one": {"submissions": 2, "jobs": 2}}
