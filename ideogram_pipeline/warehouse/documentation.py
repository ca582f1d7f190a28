"""``docs/tables.md``, written from the comments that the tables and views carry.

python -m ideogram_pipeline.warehouse.documentation > docs/tables.md
"""

from __future__ import annotations

import sys
from contextlib import closing

import duckdb

from ideogram_pipeline.warehouse import schema

EXAMPLES = (
    ("What did each character cost, and what is the price of one stored picture?",
     "SELECT character_id, net, images, round(net / nullif(images, 0), 2) AS credits_per_image\n"
     "FROM spend_by_character\n"
     "WHERE provider = 'apiframe'"),
    ("What was paid for and is not stored?",
     "SELECT character_id, prompt_id, edition, attempt, job_id, status, expected_credits, error\n"
     "FROM generations\n"
     "WHERE status <> 'stored' AND credits IS DISTINCT FROM 0"),
    ("Does the ledger say of each attempt what the attempt says of itself? (No rows: yes.)",
     "SELECT job_id, generations.credits, sum(credit_ledger.credits) AS booked\n"
     "FROM generations\n"
     "JOIN credit_ledger USING (provider, job_id)\n"
     "GROUP BY ALL\n"
     "HAVING generations.credits <> booked"),
    ("Which request made this picture?",
     "SELECT images.path, images.seed, generations.request\n"
     "FROM images\n"
     "JOIN generations USING (provider, job_id)\n"
     "WHERE images.path LIKE '%base-v1%'"),
    ("Which budgets are used up by more than 80 % this month?",
     "SELECT character_id, monthly_credit_budget, sum(net) AS spent\n"
     "FROM spend_entries\n"
     "JOIN characters USING (character_id)\n"
     "WHERE provider = 'apiframe'\n"
     "  AND date_trunc('month', booked_at) = date_trunc('month', now() AT TIME ZONE 'UTC')\n"
     "GROUP BY ALL\n"
     "HAVING spent > 0.8 * monthly_credit_budget"),
)  # fmt: skip

_INTRODUCTION = """\
# Tables and views

<!-- Written by `python -m ideogram_pipeline.warehouse.documentation`; change the .sql files. -->

`data/sandbox/warehouse.duckdb` and `data/live/warehouse.duckdb` hold the tables and views below.
DuckDB shows the same explanations: `SELECT * FROM duckdb_columns() WHERE NOT internal`.

* Credits are whole numbers. Moments are `TIMESTAMP` in UTC, without a zone, so that a day or a
  month is the same for every reader, whatever the time zone of the session.
* `provider` says whose credits they are; sandbox credits cost nothing and never belong in one sum
  with others.
* Null means that something is not known or does not apply, never 0.
* Paths of stored pictures are relative to the folder that the file is in; those of the catalog's
  pictures are absolute.

Ask with `ideogram-pipeline sql "FROM spend_by_day"`, with any DuckDB client, or from Python:

```python
from ideogram_pipeline import warehouse

warehouse.frame("data/sandbox/warehouse.duckdb", "spend_by_day")
```

A run never changes the file: it renames a new one over it. A query sees the old file or the new
one, whole, and a session that is open keeps the file it began with. Open the file for reading
(`duckdb -readonly`): while a program has it open for writing, runs cannot publish to it, and they
say so. Tables of your own belong in another file, because this one is built anew from the journal
whenever its form changes (the one before is then kept as `warehouse.old.duckdb`).
"""


def markdown() -> str:
    """The text of ``docs/tables.md``."""
    with closing(duckdb.connect(":memory:")) as connection:
        schema.create(connection)
        parts = [_INTRODUCTION, "## Tables\n"]
        parts += [_section(connection, name) for name in schema.TABLES]
        parts.append("## Views\n")
        parts += [_section(connection, name) for name in schema.VIEWS]
    parts.append("## Examples\n")
    parts += [f"{question}\n\n```sql\n{sql};\n```\n" for question, sql in EXAMPLES]
    return "\n".join(parts)


def _section(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    (comment,) = connection.execute(
        "SELECT comment FROM duckdb_tables() WHERE table_name = $name"
        " UNION ALL SELECT comment FROM duckdb_views() WHERE view_name = $name",
        {"name": name},
    ).fetchall()[0]
    columns = connection.execute(
        "SELECT column_name, data_type, comment FROM duckdb_columns()"
        " WHERE table_name = ? ORDER BY column_index",
        [name],
    ).fetchall()
    lines = [f"### {name}\n", f"{comment}\n", "| column | type | meaning |", "|---|---|---|"]
    lines += [f"| `{column}` | {sql_type} | {meaning} |" for column, sql_type, meaning in columns]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
