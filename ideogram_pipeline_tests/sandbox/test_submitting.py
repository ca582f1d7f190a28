import asyncio

import httpx
import pytest

from ideogram_pipeline_tests.sandbox.calls import KEY, PNG, order


def test_a_submission_is_accepted_and_charged_at_once(api):
    answer = api.submit(order(seed=7))
    assert answer.status_code == 202
    assert answer.json()["status"] == "QUEUED"
    assert api.balance() == 10_000 - 15


@pytest.mark.parametrize(
    ("params", "price"),
    [
        ({}, 15),
        ({"rendering_speed": "turbo"}, 10),
        ({"rendering_speed": "default"}, 15),
        ({"rendering_speed": "quality"}, 20),
    ],
)
def test_the_rendering_speed_alone_decides_the_price(api, params, price):
    job_id = api.new_job(order(**params))
    assert api.job(job_id)["creditCost"] == price
    assert api.balance() == 10_000 - price


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 2001}, "prompt"),
        ({"prompt": "\U0001f98a" * 1001}, "prompt"),  # 1,001 foxes are 2,002 UTF-16 units
        ({"prompt": None}, "prompt"),
        ({"model": "ideogram-v3-turbo"}, "model"),
        ({"promt": "misspelt"}, "promt"),
        ({"ideogramParams": {}}, "ideogramParams.character_reference_image"),
        ({"ideogramParams": None}, "ideogramParams"),
        ({"webhookUrl": "not a url"}, "webhookUrl"),
        ({"webhookEvents": []}, "webhookEvents"),
        ({"webhookEvents": ["started"]}, "webhookEvents.0"),
    ],
)
def test_a_bad_body_is_refused_with_its_path(api, change, path):
    answer = api.submit({**order(), **change})
    assert answer.status_code == 400
    assert answer.json()["error"] == "Validation failed"
    assert list(answer.json()["details"]) == [path]
    assert api.truth()["charges"] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rendering_sped", "turbo"),
        ("rendering_speed", "Turbo"),
        ("magic_prompt_option", "off"),
        ("seed", "7"),
        ("seed", 7.5),
        ("seed", True),
        ("seed", None),
        ("style_type", None),
        ("aspect_ratio", 1),
        ("character_reference_image", "fox.png"),
        ("image", "http://[half"),
    ],
)
def test_a_bad_parameter_is_refused_with_its_path(api, name, value):
    answer = api.submit(order(**{name: value}))
    assert answer.status_code == 400
    assert list(answer.json()["details"]) == [f"ideogramParams.{name}"]


def test_style_references_are_at_most_three(api):
    urls = [f"https://example.com/{number}.png" for number in range(4)]
    assert api.submit(order(style_reference_images=urls)).status_code == 400
    assert api.submit(order(style_reference_images=urls[:3])).status_code == 202


def test_what_the_provider_does_not_check_is_accepted(api):
    body = order(
        prompt="\U0001f98a" * 1000,
        aspect_ratio="7:5",
        resolution="no such size",
        style_type="anything",
        seed=2**80,
        mask="https://example.com/mask-without-image.png",
    )
    assert api.submit(body).status_code == 202
    assert api.submit(order(seed=7.0)).status_code == 202


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"x"', b'{"prompt": "\\ud800"}'])
def test_a_body_that_is_not_the_json_asked_for_is_a_400(api, content):
    headers = {"Content-Type": "application/json"}
    answer = api.send("POST", "/v2/images/generate", content=content, headers=headers)
    assert answer.status_code == 400
    assert "details" in answer.json()


def test_a_body_that_is_not_declared_as_json_is_a_400(api):
    answer = api.send("POST", "/v2/images/generate", data={"prompt": "x"})
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "Content-Type must be application/json"},
    )


def test_without_credits_nothing_is_accepted(start):
    api = start(opening_credits=29)
    api.new_job()
    answer = api.submit()
    assert answer.status_code == 402
    assert answer.json() == {
        "error": "Insufficient credits",
        "creditsRequired": 15,
        "creditsAvailable": 14,
    }
    assert api.submit(order(rendering_speed="turbo")).status_code == 202
    assert api.truth()["balance"] == 4


def test_a_job_shows_the_body_without_its_webhook_fields(api):
    body = order(seed=7, style_type="Fiction")
    hooks = {"webhookUrl": "https://example.com/hook", "webhookEvents": ["completed"]}
    assert api.job(api.new_job({**body, **hooks}))["input"] == body


def test_input_can_be_hidden(start):
    api = start(hide_input=True)
    assert "input" not in api.job(api.new_job())


def test_every_error_has_the_providers_body(api):
    assert api.get("/v2/nothing").json() == {"error": "Not Found"}
    wrong = api.send("DELETE", "/v2/me")
    assert (wrong.status_code, wrong.json()) == (405, {"error": "Method Not Allowed"})
    assert api.get("/v2/jobs/42").json() == {"error": "Invalid job id"}
    absent = api.get("/v2/jobs/00000000-0000-4000-8000-000000000000")
    assert (absent.status_code, absent.json()) == (404, {"error": "Job not found"})


def test_answers_carry_the_clocks_date_and_a_request_id(api):
    answer = api.get("/v2/me")
    assert answer.headers["Date"] == "Sun, 22 Nov 2026 12:00:00 GMT"
    assert answer.headers["x-request-id"].startswith("req_")
    api.clock.now += 90
    assert api.get("/v2/nothing").headers["Date"] == "Sun, 22 Nov 2026 12:01:30 GMT"


def test_an_error_of_our_own_has_the_providers_body_too(api):
    api.state.execute("DROP TABLE uploads")

    async def run():
        # As a server would: the answer is sent, and the error goes to the log.
        transport = httpx.ASGITransport(api.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            headers = {"X-API-Key": KEY}
            return await client.post("/v2/uploads", files={"file": PNG}, headers=headers)

    answer = asyncio.run(run())
    assert (answer.status_code, answer.json()) == (500, {"error": "Internal server error"})
    assert "date" in answer.headers
