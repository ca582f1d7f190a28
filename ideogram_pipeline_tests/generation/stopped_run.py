"""A run that stops itself with SIGSTOP at a chosen step, until somebody continues it.

Its arguments are HOME CATALOG URL STEP WHEN. It has one job in flight at a time.
"""

from __future__ import annotations

import os
import signal
import sys

from pydantic import SecretStr

from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.generation import killed_run
from ideogram_pipeline_tests.one_thread import keep_to_one_thread
from ideogram_pipeline_tests.support import KEY

_stopped = False


def stop() -> None:
    """Stand still once, as a suspended laptop or a stopped container does."""
    global _stopped  # noqa: PLW0603 (one process, one stop)
    if not _stopped:
        _stopped = True
        os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    home, source, url, step, when = sys.argv[1:]
    # So that it does not stand still while another thread holds the journal's gate.
    keep_to_one_thread()
    killed_run.die = stop
    settings = Settings.load(
        api_key=SecretStr(KEY),
        base_url=url,
        home=home,
        catalog=source,
        max_in_flight=1,
        poll_interval=0.2,
        requests_per_minute=100_000,
    )
    killed_run.run(settings, step, when, number=1)
