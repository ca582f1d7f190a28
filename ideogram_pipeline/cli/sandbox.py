"""`ideogram-pipeline sandbox`: the local Apiframe as a server of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ideogram_pipeline.sandbox.faults import Faults
    from ideogram_pipeline.sandbox.options import ResultShape, WebhookSignature

_KEY = "afk_sandbox_local"


@click.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=4010, show_default=True, help="0: a free one."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="How many times faster than the real provider (6 s turbo, 12 s default, 20 s quality).",
)
@click.option(
    "--latency",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="Let every job take exactly so long, whatever its tier and --speed: for measurements.",
)
@click.option(
    "--credits",
    "opening_credits",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="Balance of a new state.",
)
@click.option(
    "--fault",
    "fault_texts",
    metavar="NAME=P",
    multiple=True,
    help="Let a fault strike with probability P, for example lost_after=0.05 (accepted and"
    " charged, but the answer never arrives). Repeatable; `--fault list` shows all names.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps jobs, credits and uploads over a restart. [default: memory only]",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Chance is drawn from it, so runs repeat.",
)
@click.option(
    "--max-concurrent",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Jobs worked on at a time; the others queue.",
)
@click.option(
    "--reject-over-limit", is_flag=True, help="Answer 429 to submissions over that limit instead."
)
@click.option(
    "--hide-max-concurrent", is_flag=True, help="Do not name that limit in /v2/me (some accounts)."
)
@click.option(
    "--result-shape",
    type=click.Choice(["images", "string", "mixed"]),
    default="images",
    show_default=True,
    help='`result` as {"images": [url]}, as a bare URL, or one or the other by job.',
)
@click.option("--hide-input", is_flag=True, help="Leave `input` out of jobs.")
@click.option(
    "--ignore-idempotency-keys", is_flag=True, help="Charge every submission, replays as well."
)
@click.option(
    "--webhook-signature",
    type=click.Choice(["raw", "hex"]),
    default="raw",
    show_default=True,
    help="HMAC key: the raw bytes of SHA-256(API key), or its hexadecimal text.",
)
@click.option("--model-version", default="1", show_default=True, help="Another one draws anew.")
@click.option("--tiny", is_flag=True, help="Draw pictures of few pixels, for load tests.")
def command(
    host: str,
    port: int,
    speed: float,
    latency: float | None,
    opening_credits: int,
    fault_texts: tuple[str, ...],
    state: Path | None,
    seed: int,
    max_concurrent: int,
    reject_over_limit: bool,
    hide_max_concurrent: bool,
    result_shape: ResultShape,
    hide_input: bool,
    ignore_idempotency_keys: bool,
    webhook_signature: WebhookSignature,
    model_version: str,
    tiny: bool,
) -> None:
    """Run a local Apiframe: same contract, free, with faults on demand.

    It charges play credits, queues and fails as the real one does, and draws pictures that are
    the same for the same request. Ask it what really happened with

    \b
      curl -s http://127.0.0.1:4010/sandbox/truth?summary=1

    and stop it with Ctrl-C. Every key that begins with afk_ is let in.
    """  # noqa: D301 (click's mark for lines that are not to be wrapped)
    from ideogram_pipeline.sandbox.options import SandboxOptions
    from ideogram_pipeline.sandbox.server import serve_forever

    options = SandboxOptions(
        opening_credits=opening_credits,
        speed=speed,
        latency=latency,
        seed=seed,
        max_concurrent_jobs=max_concurrent,
        tell_max_concurrent=not hide_max_concurrent,
        reject_over_limit=reject_over_limit,
        result_shape=result_shape,
        hide_input=hide_input,
        ignore_idempotency_keys=ignore_idempotency_keys,
        webhook_signature=webhook_signature,
        tiny=tiny,
        model_version=model_version,
        faults=_faults(fault_texts),
    )
    serve_forever(host, port, options, state, on_listening=_say_how_to_use)


def _say_how_to_use(url: str) -> None:
    click.echo(f"The sandbox listens on {url} and spends nothing. In another terminal:\n")
    click.echo(f"  export APIFRAME_BASE_URL={url}")
    click.echo(f"  export APIFRAME_API_KEY={_KEY}\n")
    click.echo("Ctrl-C stops it.")


def _faults(texts: tuple[str, ...]) -> Faults:
    from pydantic import ValidationError

    from ideogram_pipeline.sandbox.faults import Faults

    known = {name: field.description or "" for name, field in Faults.model_fields.items()}
    if "list" in texts:
        width = max(map(len, known))
        for name, says in known.items():
            click.echo(f"{name:<{width}}  {says}")
        raise click.exceptions.Exit(0)
    wanted: dict[str, object] = {}
    for text in texts:
        name, _, probability = text.partition("=")
        if name not in known:
            raise click.BadParameter(
                f"{name!r} is not a fault; `--fault list` shows all.", param_hint="--fault"
            )
        wanted[name] = probability
    try:
        return Faults.model_validate(wanted)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise click.BadParameter(
            f"{name} needs a probability from 0 to 1, such as {name}=0.1.", param_hint="--fault"
        ) from None
