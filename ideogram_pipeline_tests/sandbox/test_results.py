import io

import pytest
from PIL import Image

from ideogram_pipeline_tests.sandbox.calls import order

HOUR = 3600


def png(colour):
    target = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(target, "PNG")
    return target.getvalue()


def finished(api, body=None):
    """A completed job."""
    job_id = api.new_job(body)
    api.clock.now += 120
    return api.job(job_id)


def picture(api, body=None):
    answer = api.get(finished(api, body)["result"]["images"][0], key=None)
    assert answer.status_code == 200
    return answer.content


def test_a_result_is_one_url_on_the_host_that_was_asked(api):
    job = finished(api)
    assert job["result"] == {"images": [f"http://sandbox/cdn/images/{job['id']}-0.png"]}
    elsewhere = api.get(f"http://127.0.0.1:4999/v2/jobs/{job['id']}").json()
    assert elsewhere["result"]["images"][0].startswith("http://127.0.0.1:4999/cdn/images/")


def test_a_result_can_be_a_bare_string_or_both_by_turns(start):
    job = finished(start(result_shape="string"))
    assert job["result"] == f"http://sandbox/cdn/images/{job['id']}-0.png"
    mixed = start(result_shape="mixed")
    assert {type(finished(mixed)["result"]) for _ in range(4)} == {str, dict}


def test_there_is_no_file_before_the_job_is_completed(api):
    job_id = api.new_job()
    assert api.get(f"/cdn/images/{job_id}-0.png").status_code == 404
    assert api.get("/cdn/images/fox.png").json() == {"error": "File not found"}


def test_a_picture_is_a_png_of_the_size_asked_for(start):
    api = start()
    content = picture(api, order(aspect_ratio="16:9", seed=1))
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("PNG", (1312, 736))


def test_the_same_request_gives_the_same_picture_and_another_one_does_not(start):
    def draw(**change):
        api = start(tiny=True, **change.pop("options", {}))
        url = api.upload(change.pop("reference", png("red")))["url"]
        speed = change.pop("rendering_speed", "turbo")
        body = order(character_reference_image=url, rendering_speed=speed, seed=1)
        return picture(api, {**body, **change})

    base = draw()
    assert draw() == base
    assert draw(prompt="a fox in the rain") != base
    assert draw(reference=png("blue")) != base
    assert draw(options={"model_version": "2"}) != base


def test_a_reference_on_another_host_is_told_apart_by_its_address(start):
    api = start(tiny=True)
    one, two = (
        picture(api, order(seed=1, character_reference_image=f"https://example.com/{name}.png"))
        for name in ("fox", "owl")
    )
    assert one != two


def test_inputs_outlive_their_upload(start):
    api = start()
    image, mask = api.upload(png("green"))["url"], api.upload(png("white"))["url"]
    body = order(character_reference_image=image, image=image, mask=mask, seed=1)
    job = finished(api, body)
    api.clock.now += 2 * HOUR
    answer = api.get(job["result"]["images"][0])
    assert answer.status_code == 200
    with Image.open(io.BytesIO(answer.content)) as drawn:
        # A white mask keeps everything; what is kept is green.
        assert drawn.convert("RGB").getpixel((5, drawn.height // 2)) == (0, 128, 0)


def test_files_live_for_24_hours_from_the_submission(api):
    job = finished(api)
    url = job["result"]["images"][0]
    api.clock.now += 24 * HOUR - 121
    assert api.get(url).status_code == 200
    assert api.job(job["id"])["expired"] is False
    api.clock.now += 1
    gone = api.job(job["id"])
    assert (gone["expired"], gone["status"], gone["result"]) == (True, "COMPLETED", job["result"])
    assert api.get("/v2/jobs").json()["jobs"][0]["expired"] is True
    assert api.get(url).status_code == 404


@pytest.mark.parametrize("named", [True, False])
def test_files_can_be_purged_at_once(api, named):
    one, two = finished(api), finished(api)
    waiting = api.new_job()
    body = {"jobId": one["id"]} if named else None
    assert api.post("/sandbox/purge", body).json()["purged"] == (1 if named else 2)
    assert api.job(one["id"])["expired"] is True
    assert api.job(two["id"])["expired"] is not named
    api.clock.now += 60
    assert api.job(waiting)["expired"] is False


def test_downloads_are_counted(start):
    api = start(tiny=True)
    size = len(picture(api)) + len(picture(api))
    downloads = api.truth()["downloads"]
    assert (downloads["count"], downloads["bytes"]) == (2, size)
