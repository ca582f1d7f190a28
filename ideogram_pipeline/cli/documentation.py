"""``docs/settings.md``, written from the docstrings of ``Settings``.

python -m ideogram_pipeline.cli.documentation > docs/settings.md
"""

from __future__ import annotations

import sys

from pydantic.fields import FieldInfo

from ideogram_pipeline.settings import Settings

_INTRODUCTION = """\
# Settings

<!-- Written by `python -m ideogram_pipeline.cli.documentation`; change settings.py. -->

Settings are environment variables. The command line, Dagster and its UI read the same ones; none
has to be set. Limits are ceilings, never targets.

They may also be lines `NAME=value` of a file `.env` in the folder where the command is typed. The
environment wins over the file, a variable that is set to nothing counts as not set, and a path that
is not absolute begins at that folder. A misspelt name is an error. Git ignores `.env`, so the key
may be in it.

`ideogram-pipeline doctor` shows what came of it, without the key; `make demo` looks at neither the
key nor `.env`.
"""

_DAGSTER_HOME = (
    "Dagster's own variable: the absolute path of a folder that is there, for a `dagster.yaml` of "
    "your own. Read from the environment only, not from `.env`.",
    "`dagster` in the mode's folder, made on first use",
)


def markdown() -> str:
    """The text of ``docs/settings.md``."""
    lines = ["| variable | meaning | default |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        meaning = " ".join((field.description or "").split())
        lines.append(f"| `{_variable(name, field)}` | {meaning} | {_default(field)} |")
    lines.append("| `DAGSTER_HOME` | {} | {} |".format(*_DAGSTER_HOME))
    return f"{_INTRODUCTION}\n" + "\n".join(lines) + "\n"


def _variable(name: str, field: FieldInfo) -> str:
    prefix = Settings.model_config["env_prefix"]
    return str(field.validation_alias or f"{prefix}{name}".upper())


def _default(field: FieldInfo) -> str:
    return f"`{field.default}`" if field.default not in (None, ()) else "not set"


if __name__ == "__main__":
    sys.stdout.write(markdown())
