"""Pieces of SQL, as DuckDB reads it."""

from __future__ import annotations

import json


def literal(value: str | bool | int | None) -> str:
    """Write a value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower()


def is_ascii(text: str) -> str:
    """Whether the expression ``text`` holds ASCII only."""
    return f"strlen({text}) = length({text})"


def json_string(text: str) -> str:
    """Write the expression ``text`` to the byte as ``json.dumps(ensure_ascii=False)`` does."""
    plain = _replaced(text, '\\"')
    controls = "".join(map(chr, range(0x20)))
    full = _replaced(text, "\\" + '"' + controls)
    has_control = f"regexp_matches({text}, '[\\x00-\\x1f]')"
    return f"""'"' || CASE WHEN {has_control} THEN {full} ELSE {plain} END || '"'"""


def json_value(expression: str, *, is_text: bool) -> str:
    """Write an expression that may be NULL as JSON."""
    written = json_string(expression) if is_text else f"{expression}::VARCHAR"
    return f"coalesce({written}, 'null')"


def _replaced(text: str, characters: str) -> str:
    for character in characters:
        escaped = literal(json.dumps(character)[1:-1])
        text = f"replace({text}, chr({ord(character)}), {escaped})"
    return text
