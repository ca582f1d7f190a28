"""The state file: restarts, several servers on it, and sudden death."""

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.sandbox.embedded import EMBEDDED_KEY, STATE_NAME, embedded_sandbox
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer
from ideogram_pipeline.sandbox.state import State
from ideogram_pipeline_tests.sandbox.calls import PNG, Calls, Clock, order

KEY = {"X-API-Key": EMBEDDED_KEY}

SERVE = """
import sys
from pathlib import Path
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import serve_forever
options = SandboxOptions(opening_credits=10**9)
say = lambda url: print(url, flush=True)
serve_forever("127.0.0.1", 0, options, Path(sys.argv[1]), on_listening=say)
"""


def test_everything_survives_a_restart_on_another_port(tmp_path):
    clock = Clock()
    with State(tmp_path / "s.sqlite") as state:
        before = Calls(state, SandboxOptions(clock=clock), clock)
        body = order(character_reference_image=before.upload()["url"])
        job_id = before.new_job(body, idem="one")
        before.script({"fault": "rate_limited", "after": 1})
        before.post("/sandbox/clock", {"advance_seconds": 60})
        books = before.truth()
    with State(tmp_path / "s.sqlite") as state:
        after = Calls(state, SandboxOptions(clock=clock, opening_credits=1), clock)
        assert after.truth() == books
        assert after.job(job_id)["status"] == "COMPLETED"
        assert after.new_job(body, idem="one") == job_id
        assert after.submit().status_code == 429
        assert after.get(f"/cdn/images/{job_id}-0.png").status_code == 200


def test_two_servers_on_one_file_are_one_provider(tmp_path):
    path = tmp_path / "s.sqlite"
    options = SandboxOptions(speed=0.01, tiny=True, max_concurrent_jobs=5, opening_credits=10_000)
    with (
        SandboxServer(options, path) as one,
        SandboxServer(options, path) as two,
        httpx.Client(headers=KEY, trust_env=False) as client,
        ThreadPoolExecutor(8) as threads,
    ):

        def submit(number: int) -> str:
            # Every key is sent twice, once to each server, at about the same time.
            url = (one, two)[number % 2].url
            key = {"Idempotency-Key": f"key-{number // 2}"}
            body = order(seed=number // 2)
            answer = client.post(f"{url}/v2/images/generate", json=body, headers=key)
            return str(answer.json()["jobId"])

        ids = list(threads.map(submit, range(80)))
        assert ids[::2] == ids[1::2]
        first, second = (client.get(f"{s.url}/sandbox/truth").json() for s in (one, two))
    assert first["jobs"] == second["jobs"]
    assert (first["jobCount"], first["charges"], first["balance"]) == (40, 600, 9_400)
    assert first["keysWithSeveralJobs"] == 0
    assert first["jobsByStatus"].get("PROCESSING", 0) <= 5
    assert first["peakInFlight"] == 40


def test_a_killed_server_leaves_no_half_submission(tmp_path):
    path = tmp_path / "s.sqlite"
    accepted: dict[str, str] = {}

    def submit_until_it_dies(url: str, worker: int) -> None:
        with httpx.Client(headers=KEY, trust_env=False) as client:
            for number in range(10_000):
                key = f"{worker}-{number}"
                try:
                    answer = client.post(
                        f"{url}/v2/images/generate",
                        json=order(seed=number),
                        headers={"Idempotency-Key": key},
                    )
                except httpx.TransportError:
                    return
                accepted[key] = answer.json()["jobId"]
                if len(accepted) == 60:
                    os.kill(process.pid, signal.SIGKILL)

    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(submit_until_it_dies, [url] * 4, range(4)))

    clock = Clock()
    with State(path) as state:
        books = Calls(state, SandboxOptions(clock=clock), clock).truth()
    jobs = {job["idempotencyKey"]: job["id"] for job in books["jobs"]}
    assert accepted.items() <= jobs.items()
    assert books["charges"] == 15 * len(jobs) == 15 * books["jobCount"]
    for key, seen in books["idempotencyKeys"].items():
        assert seen["jobs"] == (key in jobs)


def test_the_embedded_sandbox_goes_on_where_it_ended(tmp_path):
    folder = tmp_path / "not" / "there" / "yet"
    with embedded_sandbox(folder, speed=1000) as url, httpx.Client(trust_env=False) as client:
        file = {"file": PNG}
        upload = client.post(f"{url}/v2/uploads", files=file, headers=KEY).json()
        assert upload["url"].startswith(f"{url}/cdn/uploads/")
        client.post(f"{url}/v2/images/generate", json=order(), headers=KEY)
    assert (folder / STATE_NAME).exists()
    with embedded_sandbox(folder, speed=1000) as url, httpx.Client(trust_env=False) as client:
        assert client.get(f"{url}/v2/me", headers=KEY).json()["team"]["credits"] == 9_985


def test_a_file_that_is_no_state_is_explained(tmp_path):
    path = tmp_path / "s.sqlite"
    path.write_text("this is not a database, and long enough to be seen as none" * 9)
    with pytest.raises(StorageError, match=r"s\.sqlite.*Name another file"):
        State(path)


def test_a_state_of_another_version_is_explained(tmp_path):
    path = tmp_path / "s.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="another version"):
        State(path)


def test_a_folder_that_cannot_be_made_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot open its state"):
        State(tmp_path / "file" / "s.sqlite")
