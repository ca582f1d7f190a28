"""A year that nobody looks at: every edition that was due is bought once, and nothing else.

The schedules and sensors are ticked day by day as the daemon would tick them, and what they ask
for is run, on a sandbox whose clock is that of the year. What is due is worked out here from the
calendar alone. Writers edit rows, a character joins and one leaves, the provider is down for two
days, the account runs dry on a Sunday night.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from PIL import Image

from ideogram_pipeline.orchestration import clock, resuming
from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.orchestration.partitions import known_characters
from ideogram_pipeline.orchestration.project import build_definitions
from ideogram_pipeline.orchestration.resuming import resume_sensor
from ideogram_pipeline.orchestration.schedules import schedules
from ideogram_pipeline.orchestration.sensors import catalog_sensor
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.warehouse import query
from ideogram_pipeline_tests.support import KEY, Bench, bench

ZONE = ZoneInfo("Europe/Berlin")
FIRST = date(2027, 1, 1)
PRICE = 10
MASCOTS = tuple(f"m{number}" for number in range(1, 7))
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
OUTAGE = (date(2027, 1, 31), date(2027, 2, 1))
"""A Sunday and a Monday."""
DRY_FROM = date(2027, 1, 17)
"""A Sunday; the week that begins on the next day finds an empty account."""
CREDITS_BOUGHT = date(2027, 1, 21)

Wanted = tuple[str, str, str]
"""Prompt, text and edition of a picture."""


def hours_of(day: date) -> list[datetime]:
    """The hours of a day, of which two in the year have not 24."""
    first = datetime.combine(day, datetime.min.time(), ZONE).astimezone(UTC)
    hours = [(first + timedelta(hours=number)).astimezone(ZONE) for number in range(25)]
    return [hour for hour in hours if hour.date() == day]


@dataclass
class Row:
    """A row of the prompts, as people write it."""

    prompt_id: str
    character_id: str
    prompt: str
    refresh: str
    title: str = ""


def weekly(day: date) -> str:
    return "{}-W{:02}".format(*day.isocalendar())


def due_on(row: Row, day: date) -> set[str]:
    """The editions of a row that are asked for on a day: at six, and what begins until midnight."""
    named = {
        "never": "base",
        "daily": day.isoformat(),
        "weekly": weekly(day),
        "monthly": f"{day:%Y-%m}",
    }
    if row.refresh in named:
        return {named[row.refresh]}
    begun = [edition for edition in BY_CRON[row.refresh] if edition[:13] <= f"{day}T06"]
    return {begun[-1], *(edition for edition in BY_CRON[row.refresh] if edition[:10] == f"{day}")}


BY_CRON = {
    # The first of each quarter at half past six in the evening.
    "30 18 1 */3 *": (
        "2026-10-01T1830+0200",
        "2027-01-01T1830+0100",
        "2027-04-01T1830+0200",
        "2027-07-01T1830+0200",
        "2027-10-01T1830+0200",
    ),
    # On 28 March there is no such time, on 31 October it comes twice.
    "30 2 28,31 3,10 *": (
        "2026-10-31T0230+0100",
        "2027-03-28T0300+0200",
        "2027-03-31T0230+0200",
        "2027-10-28T0230+0200",
        "2027-10-31T0230+0200",
    ),
}
"""All times of these expressions, oldest first."""


@dataclass
class Writers:
    """Those who edit the catalog, and their rows."""

    folder: Path
    rows: list[Row] = field(default_factory=list)

    def begin(self) -> None:
        for name in MASCOTS:
            self.join(name)
        self.rows += [
            Row("m3-month", "m3", "reads the news", "monthly"),
            Row("m2-fair", "m2", "opens the fair", "30 18 1 */3 *"),
            Row("m5-night", "m5", "looks at the moon", "30 2 28,31 3,10 *"),
        ]

    def join(self, name: str) -> None:
        self.rows += [
            Row(f"{name}-hill", name, "stands on a hill", "never"),
            Row(f"{name}-week", name, "waves at the reader", "weekly"),
        ]

    def leave(self, name: str) -> None:
        self.rows = [row for row in self.rows if row.character_id != name]

    def save(self) -> None:
        self.folder.mkdir(exist_ok=True)
        names = sorted({row.character_id for row in self.rows})
        cast = ["character_id,name,reference_image,rendering_speed"]
        for number, name in enumerate(names):
            if not (file := self.folder / f"{name}.png").exists():
                Image.new("RGB", (64, 64), (20 * number, 90, 200)).save(file)
            cast.append(f"{name},{name.title()},{name}.png,turbo")
        prompts = ["prompt_id,character_id,prompt,refresh,title"]
        prompts += [
            f'{row.prompt_id},{row.character_id},{row.prompt},"{row.refresh}",{row.title}'
            for row in self.rows
        ]
        (self.folder / "characters.csv").write_text("\n".join(cast) + "\n")
        (self.folder / "prompts.csv").write_text("\n".join(prompts) + "\n")

    def edit(self, day: date) -> None:
        """Write what is written on this day."""
        match day:
            case date(month=2, day=9):  # a Tuesday: three prompts
                for row in self.rows[:6:2]:
                    row.prompt = "sits on a hill"
            case date(month=2, day=10):
                self.rows[1].title = "Good morning"
            case date(month=1, day=26):
                self.join("m9")
            case date(month=2, day=16):
                self.leave("m1")
            case date(month=2, day=15):
                self.rows.append(Row("m3-snow", "m3", "plays in the snow", "daily"))
            case date(month=2, day=20):
                self.rows = [row for row in self.rows if row.prompt_id != "m3-snow"]
            case _:
                return
        self.save()


class Daemon:
    """Ticks what ticks in Dagster's daemon, and runs what is asked for, one run after the other."""

    def __init__(self, house: Bench, instance: dg.DagsterInstance) -> None:
        self.house = house
        self.instance = instance
        self.now = datetime.combine(FIRST, datetime.min.time(), ZONE)
        self.runs: list[tuple[datetime, str, str | None, bool]] = []
        self._moved_at = time.time()
        self._cursor: str | None = None
        self._seen_keys: set[str] = set()
        definitions = build_definitions(house.settings)
        # Ledger, gallery and checks follow the pictures, and would take as long again.
        self._job = definitions.resolve_job_def("refresh").get_subset(
            asset_selection={dg.AssetKey("generation_plan"), dg.AssetKey("images")},
            asset_check_selection=set(),
        )
        self._schedules = {found.name: found for found in schedules(ZONE.key)}

    def clock(self) -> float:
        """The year's time in seconds, which goes on between two ticks."""
        return self.now.timestamp() + time.time() - self._moved_at

    def day(self, day: date) -> None:
        """Let a day pass."""
        for moment in hours_of(day):
            self.now = moment
            self._moved_at = time.time()
            # All hours of the days on which a row on cron is due, one of the others.
            if day.day in (1, 28, 31) or moment.hour == 0:
                self._tick_schedule("cron_refresh_schedule")
            if moment.hour == 5:
                self._look_at_catalog()
            elif moment.hour == 6:
                self._tick_schedule("refresh_schedule")
            elif moment.hour == 12:
                self._resume()

    def _tick_schedule(self, name: str) -> None:
        with dg.build_schedule_context(
            instance=self.instance, scheduled_execution_time=self.now
        ) as context:
            # Or Dagster would open it anew for each tick, which takes longer than the tick.
            context._instance = self.instance
            asked = self._schedules[name](context)
        if isinstance(asked, list):
            for request in asked:
                self._run(request, {"dagster/schedule_name": name})

    def _look_at_catalog(self) -> None:
        with dg.build_sensor_context(instance=self.instance, cursor=self._cursor) as context:
            result = catalog_sensor(context)
        assert isinstance(result, dg.SensorResult)
        for request in result.dynamic_partitions_requests:
            self.instance.add_dynamic_partitions("characters", list(request.partition_keys))
        self._cursor = result.cursor
        for request in result.run_requests or ():
            self._run(request, {"dagster/sensor_name": "catalog_sensor"})

    def _resume(self) -> None:
        with dg.build_sensor_context(instance=self.instance) as context:
            asked = resume_sensor(context)
        for request in asked if isinstance(asked, list) else ():
            assert request.run_key is not None
            if request.run_key not in self._seen_keys:
                self._seen_keys.add(request.run_key)
                self._run(request, {"dagster/sensor_name": "resume_sensor"})

    def _run(self, request: dg.RunRequest, tags: dict[str, str]) -> None:
        done = self._job.execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            tags={**request.tags, **tags},
            run_config={**QUIET, **request.run_config},
            raise_on_error=False,
        )
        (by,) = tags.values()
        self.runs.append((self.now, by, request.run_key, done.success))


@pytest.fixture
def writers(tmp_path: Path) -> Writers:
    found = Writers(tmp_path / "catalog")
    found.begin()
    found.save()
    return found


@pytest.fixture
def daemon(tmp_path: Path, writers: Writers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    opening = PRICE * len(due_until(DRY_FROM, tmp_path / "oracle"))
    ticking: list[Daemon] = []
    options = SandboxOptions(
        latency=0.01,
        tiny=True,
        opening_credits=opening,
        max_concurrent_jobs=50,
        clock=lambda: ticking[0].clock() if ticking else time.time(),
    )
    with bench(tmp_path, options, str(writers.folder)) as house:
        for name, value in {
            "APIFRAME_API_KEY": KEY,
            "APIFRAME_BASE_URL": house.server.url,
            "IDEOGRAM_PIPELINE_HOME": str(house.settings.home),
            "IDEOGRAM_PIPELINE_CATALOG": house.settings.catalog,
            "IDEOGRAM_PIPELINE_TIMEZONE": ZONE.key,
            "IDEOGRAM_PIPELINE_PATIENCE": "1",
            "IDEOGRAM_PIPELINE_POLL_INTERVAL": "0.02",
            "IDEOGRAM_PIPELINE_REQUESTS_PER_MINUTE": "100000",
            "IDEOGRAM_PIPELINE_MAX_IN_FLIGHT": "50",
        }.items():
            monkeypatch.setenv(name, value)
        with open_instance(house.settings) as instance:
            ticking.append(Daemon(house, instance))
            monkeypatch.setattr(clock, "now", lambda: ticking[0].now)
            # Dagster writes the real time beside its runs.
            monkeypatch.setattr(resuming, "SINCE", timedelta(days=10_000))
            yield ticking[0]


def due_until(last: date, folder: Path) -> set[Wanted]:
    """What is due from the first day of the year to ``last``, worked out from the calendar."""
    writers = Writers(folder)
    writers.begin()
    due: set[Wanted] = set()
    day = FIRST
    while day <= last:
        writers.edit(day)
        is_possible = not OUTAGE[0] <= day <= OUTAGE[1] and not DRY_FROM < day < CREDITS_BOUGHT
        if is_possible:
            for row in writers.rows:
                due |= {(row.prompt_id, row.prompt, name) for name in due_on(row, day)}
        day += timedelta(days=1)
    return due


@pytest.mark.timeout(600)
@pytest.mark.parametrize("days", [33, pytest.param(365, marks=pytest.mark.soak)])
def test_a_year(
    daemon: Daemon, writers: Writers, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    """To the end of the outage; `make year` goes on to the end of December."""
    house = daemon.house
    for number in range(days):
        day = FIRST + timedelta(days=number)
        writers.edit(day)
        if day == OUTAGE[0]:
            monkeypatch.setenv("APIFRAME_BASE_URL", "http://127.0.0.1:9")
        if day == OUTAGE[1] + timedelta(days=1):
            monkeypatch.setenv("APIFRAME_BASE_URL", house.server.url)
        if day == CREDITS_BOUGHT:
            house.tell("credits", {"credits": 5_000})
        daemon.day(day)
    bought = {
        (str(prompt), str(text), str(edition))
        for prompt, text, edition in query(
            house.settings.warehouse_path,
            "SELECT prompt_id, json_extract_string(request, '$.prompt'), edition FROM generations"
            " WHERE status = 'stored'",
        ).rows
    }
    due = due_until(FIRST + timedelta(days=days - 1), house.settings.home / "oracle")
    assert bought - due == set(), "bought and not due"
    assert due - bought == set(), "due and not bought"
    truth = house.truth()
    assert truth["jobCount"] == len(due), "each edition once"
    assert truth["charges"] == PRICE * len(due)
    ((ledger,),) = query(
        house.settings.warehouse_path, "SELECT sum(credits) FROM credit_ledger"
    ).rows
    assert ledger == truth["charges"] - truth["refunds"]
    failed = [at.date() for at, _, _, success in daemon.runs if not success]
    assert set(failed) == {OUTAGE[1]}, "on the Sunday nothing was due"
    assert known_characters(daemon.instance) == [*MASCOTS, "m9"], "who left keeps the key"
