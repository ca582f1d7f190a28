import pytest


@pytest.mark.parametrize(
    ("key", "status", "error"),
    [
        (None, 401, "API key is required"),
        ("", 401, "API key is required"),
        ("sk_live", 401, "Invalid API key"),
        ("afk_inactive_1", 403, "API key is inactive"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/images/generate"),
        ("GET", "/v2/jobs"),
        ("GET", "/v2/jobs/not-even-an-id"),
        ("GET", "/v2/me"),
        ("POST", "/v2/uploads"),
    ],
)
def test_a_key_is_asked_for_before_anything_else(api, method, path, key, status, error):
    answer = api.send(method, path, key=key)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_configured_keys_are_the_only_ones(start):
    api = start(keys=frozenset({"afk_ours"}))
    assert api.get("/v2/me", key="afk_ours").status_code == 200
    assert api.get("/v2/me", key="afk_theirs").json() == {"error": "Invalid API key"}


def test_the_catalog_of_models_is_public(api):
    answer = api.get("/v2/models", key=None)
    (entry,) = answer.json()["models"]
    assert (entry["id"], entry["costMin"], entry["costMax"]) == ("ideogram-character", 10, 20)
    assert api.get("/v2/models?modality=video", key=None).json() == {"models": []}
    assert api.get("/v2/models?modality=smell", key=None).status_code == 400


def test_each_key_is_a_user_of_the_same_team(api):
    job_id = api.new_job(key="afk_one")
    assert api.get(f"/v2/jobs/{job_id}", key="afk_two").status_code == 404
    assert api.get("/v2/jobs", key="afk_two").json()["jobs"] == []
    one, two = (api.get("/v2/me", key=f"afk_{name}").json() for name in ("one", "two"))
    assert one["user"]["id"] != two["user"]["id"]
    assert one["team"] == two["team"]
    assert one["team"]["credits"] == 10_000 - 15


def test_only_admins_see_the_jobs_of_the_team(api):
    job_id = api.new_job(key="afk_one")
    refused = api.get("/v2/jobs?scope=team", key="afk_two")
    assert refused.status_code == 403
    (job,) = api.get("/v2/jobs?scope=team", key="afk_admin").json()["jobs"]
    assert job["id"] == job_id
    assert api.get("/v2/jobs", key="afk_admin").json()["jobs"] == []


def test_me_names_the_limit_only_where_it_is_told(start):
    assert start(max_concurrent_jobs=3).get("/v2/me").json()["team"]["maxConcurrentJobs"] == 3
    team = start(tell_max_concurrent=False).get("/v2/me").json()["team"]
    assert "maxConcurrentJobs" not in team


def test_no_answer_shows_a_key(api):
    key = "afk_0123456789secret"
    api.new_job(key=key)
    texts = [api.get(path, key=key).text for path in ("/v2/me", "/v2/jobs", "/sandbox/truth")]
    assert not any("123456789secret" in text for text in texts)
