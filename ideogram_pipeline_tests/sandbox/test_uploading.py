import pytest

from ideogram_pipeline.sandbox.uploads import MAX_BYTES
from ideogram_pipeline_tests.sandbox.calls import PNG, order

HOUR = 3600
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 "


@pytest.mark.parametrize(
    ("content", "kind", "suffix"),
    [
        (PNG, "image/png", ".png"),
        (b"\xff\xd8\xff\xe0 JFIF", "image/jpeg", ".jpg"),
        (WEBP, "image/webp", ".webp"),
        (b"GIF89a and so on", "image/gif", ".gif"),
    ],
)
def test_the_type_is_read_from_the_bytes(api, content, kind, suffix):
    upload = api.upload(content)
    assert (upload["contentType"], upload["kind"]) == (kind, "image")
    assert upload["byteSize"] == len(content)
    assert upload["url"] == f"http://sandbox/cdn/uploads/{upload['id']}{suffix}"
    assert upload["expiresAt"] == "2026-11-22T13:00:00.000Z"
    served = api.get(upload["url"], key=None)
    assert (served.content, served.headers["content-type"]) == (content, kind)


@pytest.mark.parametrize(
    "content", [b"", b"fox", b"<svg/>", b"RIFF\x24\x00\x00\x00WAVEfmt ", b"%PDF-1.7"]
)
def test_what_is_no_image_is_refused(api, content):
    answer = api.post("/v2/uploads", files={"file": ("fox.png", content, "image/png")})
    assert (answer.status_code, answer.json()) == (400, {"error": "Unsupported file type"})


def test_a_request_without_a_file_is_refused(api):
    assert api.post("/v2/uploads", files={"picture": PNG}).status_code == 400
    assert api.post("/v2/uploads", {"file": "x"}).status_code == 400
    assert api.send("POST", "/v2/uploads", data={"file": "text"}).json()["error"] == "No file"


def test_a_broken_form_is_refused(api):
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = api.send("POST", "/v2/uploads", content=b"--y\r\nrubbish", headers=headers)
    assert answer.status_code == 400
    assert set(answer.json()) >= {"error"}


@pytest.mark.parametrize("extra", [1, 1024 * 1024])
def test_more_than_25_mb_is_refused(api, extra):
    content = PNG.ljust(MAX_BYTES + extra, b"\0")
    answer = api.post("/v2/uploads", files={"file": content})
    assert (answer.status_code, answer.json()) == (400, {"error": "File exceeds the 25 MB limit"})


def test_an_upload_lives_for_an_hour(api):
    upload = api.upload()
    api.clock.now += HOUR - 1
    assert api.get(upload["url"]).status_code == 200
    api.clock.now += 1
    assert api.get(upload["url"]).status_code == 404
    assert api.get("/cdn/uploads/none.png").status_code == 404


@pytest.mark.parametrize("field", ["character_reference_image", "image", "mask"])
def test_a_job_fails_with_refund_when_an_upload_of_it_is_gone(api, field):
    url = api.upload()["url"]
    api.clock.now += HOUR
    job_id = api.new_job(order(**{field: url}))
    assert api.balance() == 10_000 - 15
    api.clock.now += 5
    job = api.job(job_id)
    assert (job["status"], job["error"]) == ("FAILED", f"could not fetch {field}")
    assert api.balance() == 10_000


def test_a_job_fails_when_its_upload_never_was(api):
    url = "http://127.0.0.1:1/cdn/uploads/00000000-0000-4000-8000-000000000000.png"
    job_id = api.new_job(order(character_reference_image=url))
    api.clock.now += 5
    assert api.job(job_id)["error"] == "could not fetch character_reference_image"


def test_an_upload_is_known_by_its_path_whatever_the_port(api):
    url = api.upload()["url"].replace("http://sandbox", "http://127.0.0.1:5999")
    job_id = api.new_job(order(character_reference_image=url))
    api.clock.now += 60
    assert api.job(job_id)["status"] == "COMPLETED"


def test_uploads_are_counted(api):
    api.upload()
    api.upload()
    assert api.truth()["uploads"] == {"count": 2, "bytes": 2 * len(PNG)}
