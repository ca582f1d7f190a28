"""`ideogram-pipeline demo`: the main job on the sandbox, for `make demo`."""

from __future__ import annotations

import os

import click


@click.command("demo")
def command() -> None:
    """Make every picture of the catalog on the sandbox, whatever keys are set.

    It spends nothing: APIFRAME_API_KEY, APIFRAME_BASE_URL and a .env file are not looked at. A
    second demo buys nothing and reuses every picture of the first.

    \b
    Examples:
      ideogram-pipeline demo
      IDEOGRAM_PIPELINE_HOME=/tmp/demo ideogram-pipeline demo
    """  # noqa: D301 (click's mark for lines that are not to be wrapped)
    # Whatever reads the environment on the way, the key must be out of its sight.
    for name in ("APIFRAME_API_KEY", "APIFRAME_BASE_URL"):
        os.environ.pop(name, None)

    from ideogram_pipeline.cli.outcome import conclude
    from ideogram_pipeline.cli.preparing import (
        prepare,
        quote_line,
        show_questions,
        show_rejects,
    )
    from ideogram_pipeline.cli.running import carry_out
    from ideogram_pipeline.settings import Settings

    prepared = prepare(Settings.load(api_key=None, journal_url=None, _env_file=None))
    show_rejects(prepared.rejects)
    show_questions(prepared.questions)
    click.echo(f"{quote_line(prepared.plan)} of play money: the demo runs on the sandbox.")
    conclude(prepared, carry_out(prepared), ("new", "reused"))
