"""Pieces of SQL, as DuckDB reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

_ESCAPED = r'["\\\x00-\x1f]'
"""What JSON cannot hold as it is."""


def literal(value: str | bool | int | None) -> str:
    """Write a value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower()


def list_of(values: Sequence[Any], kind: str = "VARCHAR") -> str:
    """Write a list of values, NULLs among them or not, as SQL.

    They are not bound to the statement, because to bind anything makes DuckDB import pandas, which
    takes longer than most commands.

    Args:
        values: Of Python's types for ``kind``.
        kind: VARCHAR, a number, BOOLEAN, or a list of one of these as ``VARCHAR[]``.
    """
    element = f'["{kind.removesuffix("[]")}"]'
    structure = f"[{element}]" if kind.endswith("[]") else element
    return f"from_json({literal(json.dumps(values))}, '{structure}')"


def is_ascii(text: str) -> str:
    """Whether the expression ``text`` holds ASCII only."""
    return f"strlen({text}) = length({text})"


def json_string(text: str) -> str:
    """Write the expression ``text`` to the byte as ``json.dumps(ensure_ascii=False)`` does."""
    full = _replaced(text, "\\" + '"' + "".join(map(chr, range(0x20))))
    written = f"CASE WHEN regexp_matches({text}, '{_ESCAPED}') THEN {full} ELSE {text} END"
    return f"""('"' || {written} || '"')"""


def json_word(text: str) -> str:
    """The same for an expression that holds nothing to be escaped: an id, a hash, a fixed word."""
    return f"""('"' || {text} || '"')"""


def _replaced(text: str, characters: str) -> str:
    for character in characters:
        escaped = literal(json.dumps(character)[1:-1])
        text = f"replace({text}, chr({ord(character)}), {escaped})"
    return text
