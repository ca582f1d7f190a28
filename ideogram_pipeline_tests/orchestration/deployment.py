"""What a team leaves running: Dagster's daemon and its web server, in processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.request import Request, urlopen

import dagster as dg
import sqlalchemy as sa
from dagster._core.scheduler.instigation import InstigatorTick, InstigatorType
from dagster._core.storage.runs.schema import RunsTable

import ideogram_pipeline
from ideogram_pipeline.files import write_whole
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.database import open_journal
from ideogram_pipeline.generation.guarding import has_journal
from ideogram_pipeline.orchestration.instance import ensure_dagster_home
from ideogram_pipeline.orchestration.partitions import add_characters
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.warehouse import query
from ideogram_pipeline_tests.orchestration.webhook import Webhook, listening
from ideogram_pipeline_tests.support import KEY, Bench, bench, call, write_catalog

T = TypeVar("T")

WORKSPACE = Path(ideogram_pipeline.__file__).parents[1] / "workspace.yaml"
PRICE = 10
PATIENCE = 120.0
"""Seconds after which what was waited for is taken never to come."""
SLOTS = 2
SANDBOX = SandboxOptions(latency=0.1, tiny=True, max_concurrent_jobs=SLOTS)
MULTIPROCESS = "multiprocess"
"""The code location whose steps are processes."""
WORKSPACE_OF_OUR_OWN = f"""\
load_from:
  - python_module:
      module_name: {__package__}.multiprocess
      location_name: {MULTIPROCESS}
"""


def _repository(location: str = "ideogram_pipeline") -> dict[str, str]:
    return {"repositoryName": "__repository__", "repositoryLocationName": location}


@dataclass(frozen=True, slots=True)
class Purchases:
    """What has been bought since a moment, by the provider's books."""

    bench: Bench
    before: Mapping[str, Any]

    @property
    def number(self) -> int:
        """How many pictures were bought, none of them twice."""
        truth = self.bench.truth()
        bought = truth["jobCount"] - self.before["jobCount"]
        assert truth["charges"] - self.before["charges"] == bought * PRICE
        assert truth["keysWithSeveralJobs"] == 0
        return int(bought)


@dataclass(frozen=True, slots=True)
class Deployment:
    """The processes, and what a person does with them."""

    bench: Bench
    instance: dg.DagsterInstance
    environment: Mapping[str, str]
    folder: Path
    url: str
    webhook: Webhook
    seen: set[str] = field(default_factory=set)
    """Runs that a test knows of."""

    def cast(self, *names: str, prompts: int = 2, refresh: str = "never", add: bool = True) -> None:
        """Write a catalog of these characters alone; unless ``add`` is off, make partitions."""
        folder = Path(self.bench.settings.catalog)
        columns = {"refresh": refresh, "title": "A day at the sea"}
        write_catalog(folder, characters=names, prompts=prompts, columns=columns)
        if add:
            add_characters(self.instance, names)

    def purchases(self) -> Purchases:
        """Begin to count what is bought."""
        return Purchases(self.bench, self.bench.truth())

    @contextmanager
    def slow_looks(self) -> Iterator[None]:
        """Let the provider take long to say how jobs are doing, so that a run fills its slots."""
        slow = {"fault": "slow", "times": 50, "seconds": 60.0}
        self.bench.tell("faults", [{**slow, "route": "job"}, {**slow, "route": "jobs"}])
        try:
            yield
        finally:
            faults = f"{self.bench.server.url}/sandbox/faults"
            urlopen(Request(faults, method="DELETE"), timeout=30).close()

    def are_under_way(self, character: str) -> bool:
        """Whether, by the journal, the slots are full of jobs for a character, and no more."""
        settings = self.bench.settings
        if not has_journal(settings):
            return False
        of_character = schema.attempts.c.character_id == character
        with open_journal(settings) as database, database.read() as connection:
            states = connection.scalars(sa.select(schema.attempts.c.state).where(of_character))
            return list(states) == [schema.SUBMITTED] * SLOTS

    def pictures(self, character: str) -> int:
        """How many pictures of a character are on disk."""
        folder = self.bench.settings.images_folder / character
        return len(list(folder.rglob("*-v?-a?.png")))

    def ask(self, query: str, **variables: object) -> Any:
        """Ask as the UI does; the one field of the answer."""
        answer = call(f"{self.url}/graphql", {"query": query, "variables": variables})
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        assert "rror" not in value["__typename"], value
        return value

    def launch(self, tags: Mapping[str, str], location: str = "ideogram_pipeline") -> str:
        """Launch a run of the job ``refresh`` from the UI's launchpad; its id."""
        launched = self.ask(
            "mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {"
            " __typename ... on LaunchRunSuccess { run { id } }"
            " ... on PythonError { message } } }",
            params={
                "selector": {**_repository(location), "jobName": "refresh"},
                "executionMetadata": {"tags": _tags(tags)},
            },
        )
        return str(launched["run"]["id"])

    def execute_again(self, run_id: str) -> str:
        """Execute a run again from where it failed; the id of the new one."""
        launched = self.ask(
            "mutation($params: ReexecutionParams!) {"
            " launchRunReexecution(reexecutionParams: $params) {"
            " __typename ... on LaunchRunSuccess { run { id } }"
            " ... on PythonError { message } } }",
            params={"parentRunId": run_id, "strategy": "FROM_FAILURE"},
        )
        return str(launched["run"]["id"])

    def backfill(self, assets: Sequence[str], partitions: Sequence[str]) -> str:
        """Materialize assets for chosen partitions; the id of the backfill."""
        launched = self.ask(
            "mutation($params: LaunchBackfillParams!) {"
            " launchPartitionBackfill(backfillParams: $params) {"
            " __typename ... on LaunchBackfillSuccess { backfillId }"
            " ... on PythonError { message } } }",
            params={
                "assetSelection": [{"path": [asset]} for asset in assets],
                "partitionNames": list(partitions),
            },
        )
        return str(launched["backfillId"])

    @contextmanager
    def sensors(self, *names: str) -> Iterator[None]:
        """Have sensors switched on as long as the block lasts."""
        for name in names:
            self.start(name)
        try:
            yield
        finally:
            # A look that is under way writes down at its end that the sensor is on.
            while on := [name for name in names if self.is_on(name)]:
                for name in on:
                    self.stop(name)
                # By then the daemon has looked anew at which of them are switched on.
                self.wait_for_ticks("unfinished_run_sensor", 2)

    @contextmanager
    def without_sensor(self, name: str) -> Iterator[None]:
        """Have a sensor switched off as long as the block lasts."""
        self.stop(name)
        try:
            yield
        finally:
            self.start(name)

    def start(self, sensor: str) -> None:
        """Switch a sensor on."""
        self.ask(
            "mutation($which: SensorSelector!) { startSensor(sensorSelector: $which) {"
            " __typename ... on PythonError { message } } }",
            which={**_repository(), "sensorName": sensor},
        )

    def is_on(self, sensor: str) -> bool:
        """Whether a sensor is switched on."""
        found = self.ask(
            "query($which: SensorSelector!) { sensorOrError(sensorSelector: $which) {"
            " __typename ... on Sensor { sensorState { status } }"
            " ... on PythonError { message } } }",
            which={**_repository(), "sensorName": sensor},
        )
        return bool(found["sensorState"]["status"] == "RUNNING")

    def stop(self, sensor: str) -> None:
        """Switch a sensor off."""
        found = self.ask(
            "query($which: SensorSelector!) { sensorOrError(sensorSelector: $which) {"
            " __typename ... on Sensor { id } ... on PythonError { message } } }",
            which={**_repository(), "sensorName": sensor},
        )
        self.ask(
            "mutation($id: String!) { stopSensor(id: $id) {"
            " __typename ... on PythonError { message } } }",
            id=found["id"],
        )

    @contextmanager
    def schedule(self, name: str) -> Iterator[None]:
        """Have a schedule switched on as long as the block lasts."""
        started = self.ask(
            "mutation($which: ScheduleSelector!) { startSchedule(scheduleSelector: $which) {"
            " __typename ... on ScheduleStateResult { scheduleState { id } }"
            " ... on PythonError { message } } }",
            which={**_repository(), "scheduleName": name},
        )
        try:
            yield
        finally:
            self.ask(
                "mutation($id: String!) { stopRunningSchedule(id: $id) {"
                " __typename ... on PythonError { message } } }",
                id=started["scheduleState"]["id"],
            )

    def dagster(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Call the command line of Dagster."""
        return subprocess.Popen(
            [sys.executable, "-m", "dagster", *arguments, "-w", str(WORKSPACE)],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def move_creation(self, run_id: str, at: datetime) -> None:
        """Let a run have been created at another time."""
        created = sa.update(RunsTable).where(RunsTable.c.run_id == run_id)
        with self.instance.run_storage.connect() as connection:
            connection.execute(created.values(create_timestamp=at.replace(tzinfo=None)))

    def editions(self, character: str) -> set[str]:
        """The editions of a character's pictures on disk."""
        settings = self.bench.settings
        asked = "SELECT DISTINCT edition FROM images WHERE character_id = ?"
        return {
            str(edition) for (edition,) in query(settings.warehouse_path, asked, [character]).rows
        }

    def put_scheduler_forward(self, seconds: float) -> None:
        """Let the scheduler believe that it is later."""
        write_whole(_ahead(self.folder), str(seconds).encode())

    def ticks(self, sensor: str) -> list[InstigatorTick]:
        """Ticks of a sensor, the newest first."""
        states = self.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        (state,) = (state for state in states if state.instigator_name == sensor)
        return list(self.instance.get_ticks(state.instigator_origin_id, state.selector_id))

    def wait_for_ticks(self, sensor: str, number: int = 1) -> None:
        """Wait until so many looks of a sensor have begun and ended."""
        after = time.time()

        def ended() -> int:
            ticks = self.ticks(sensor)
            return sum(tick.timestamp > after and tick.is_completed for tick in ticks)

        until(f"{number} ticks of {sensor}", lambda: ended() >= number)

    def alerts(self, run_id: str) -> list[str]:
        """What was posted about a run."""
        texts = [posted["text"] for posted in self.webhook.posted]
        return [text for text in texts if text.startswith(f"Run {run_id[:8]} ")]

    def new_runs(self, number: int = 1, **filters: Any) -> list[dg.DagsterRun]:
        """Wait for runs of the job ``refresh`` that no test has seen, and for their ends."""

        def found() -> list[dg.DagsterRun]:
            runs = self.instance.get_runs(dg.RunsFilter(job_name="refresh", **filters))
            return [run for run in runs if run.run_id not in self.seen]

        until(f"{number} runs", lambda: len(found()) >= number)
        ended = [self.ended(run.run_id) for run in found()]
        assert len(ended) == number
        return ended

    def ended(self, run_id: str) -> dg.DagsterRun:
        """Wait for the end of a run."""

        def look() -> dg.DagsterRun | None:
            run = self.instance.get_run_by_id(run_id)
            return run if run and run.is_finished else None

        self.seen.add(run_id)
        return until(f"the end of run {run_id}", look)

    def succeeded(self, run_id: str) -> dg.DagsterRun:
        """Wait for the end of a run that has to end well."""
        run = self.ended(run_id)
        assert run.status is dg.DagsterRunStatus.SUCCESS, self.told(run_id)
        return run

    def told(self, run_id: str) -> str:
        """What the event log has of a run, for a message."""
        return "\n".join(entry.user_message for entry in self.instance.all_logs(run_id))

    def kill(self, run_id: str) -> None:
        """Kill the process of a run with SIGKILL."""
        (lock,) = (self.bench.settings.folder / "alive").glob(f"{run_id}.*.lock")
        os.kill(int(lock.name.split(".")[1]), signal.SIGKILL)


def until(what: str, found: Callable[[], T | None]) -> T:
    """Look again and again until something is there."""
    deadline = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)
    return value


@contextmanager
def deployment(folder: Path) -> Iterator[Deployment]:
    """Start everything, and leave nothing behind."""
    catalog = write_catalog(folder / "catalog")
    with ExitStack() as stack:
        found = stack.enter_context(bench(folder, SANDBOX, catalog))
        webhook = stack.enter_context(listening())
        home = ensure_dagster_home(found.settings)
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "APIFRAME_API_KEY": KEY,
            "APIFRAME_BASE_URL": found.server.url,
            "IDEOGRAM_PIPELINE_HOME": str(found.settings.home),
            "IDEOGRAM_PIPELINE_CATALOG": catalog,
            "IDEOGRAM_PIPELINE_POLL_INTERVAL": "0.2",
            "IDEOGRAM_PIPELINE_REQUESTS_PER_MINUTE": "100000",
            "IDEOGRAM_PIPELINE_ALERT_WEBHOOK": webhook.address,
        }
        _ahead(folder).write_text("0")
        ours = folder / "workspace.yaml"
        ours.write_text(WORKSPACE_OF_OUR_OWN)
        port = _free_port()
        daemon = [f"{__package__}.hurried_daemon", str(_ahead(folder)), "run"]
        server = ["dagster_webserver", "--host", "127.0.0.1", "--port", str(port)]
        workspace = ["-w", str(WORKSPACE), "-w", str(ours)]
        commands = {"daemon": [*daemon, *workspace], "server": [*server, *workspace]}
        stack.enter_context(_running(commands, environment, folder))
        instance = stack.enter_context(dg.DagsterInstance.from_config(str(home)))
        url = f"http://127.0.0.1:{port}"
        until("the web server", lambda: _is_loaded(url))
        running = Deployment(found, instance, environment, folder, url, webhook)
        # Has a run of the spend page follow each other run.
        running.stop("following_sensor")
        yield running


@contextmanager
def _running(
    commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], folder: Path
) -> Iterator[None]:
    """Run modules in processes as long as the block lasts, each with a log of its name."""
    processes = []
    try:
        for name, command in commands.items():
            with (folder / f"{name}.log").open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", *command],
                    env=environment,
                    cwd=folder,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            processes.append(process)
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            _see_end(process)


def _see_end(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a process and of all that it has started, which is of its group."""
    try:
        process.wait(PATIENCE)
        until("the end of what it had started", lambda: not _is_alive(process.pid))
    finally:
        if _is_alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _is_loaded(url: str) -> bool:
    query = "{ workspaceOrError { ... on Workspace { locationEntries { loadStatus } } } }"
    try:
        answer = call(f"{url}/graphql", {"query": query})
    except (URLError, ConnectionError):
        return False
    entries = answer["data"]["workspaceOrError"]["locationEntries"]
    return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _ahead(folder: Path) -> Path:
    return folder / "ahead"


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]
