import signal
import subprocess
import sys

import httpx
import pytest
from click.testing import CliRunner

from ideogram_pipeline.cli.sandbox import command
from ideogram_pipeline.sandbox.faults import Faults

RUN = [sys.executable, "-c", "from ideogram_pipeline.cli.sandbox import command; command()"]


def test_it_says_how_to_use_it_serves_and_stops_in_good_order(tmp_path):
    options = ["--port=0", "--tiny", "--credits=99", "--fault=lost_after=0", "--speed=1000"]
    with subprocess.Popen(
        [*RUN, *options, f"--state={tmp_path / 's.sqlite'}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(4)]
        exports = dict(
            line.removeprefix("export ").split("=", 1) for line in lines if "export" in line
        )
        answer = httpx.get(
            exports["APIFRAME_BASE_URL"] + "/v2/me",
            headers={"X-API-Key": exports["APIFRAME_API_KEY"]},
            trust_env=False,
        )
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert answer.json()["team"]["credits"] == 99
    assert (process.returncode, errors) == (0, "")


def test_every_fault_is_listed_with_what_it_does():
    result = CliRunner().invoke(command, ["--fault", "list"])
    assert result.exit_code == 0
    listed = dict(line.split(maxsplit=1) for line in result.output.splitlines())
    assert list(listed) == list(Faults.model_fields)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("gremlins=1", "'gremlins' is not a fault; `--fault list` shows all."),
        ("slow=2", "slow needs a probability from 0 to 1, such as slow=0.1."),
        ("slow", "slow needs a probability"),
        ("slow=often", "slow needs a probability"),
    ],
)
def test_a_wrong_fault_is_explained(fault, message):
    result = CliRunner().invoke(command, ["--fault", fault])
    assert result.exit_code == 2
    assert message in result.output
