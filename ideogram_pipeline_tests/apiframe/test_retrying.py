"""Patience with a scripted call and a clock that does not tick."""

from __future__ import annotations

import asyncio

import pytest

from ideogram_pipeline.apiframe.errors import KeyRefused, ProviderError, Transient
from ideogram_pipeline.apiframe.retrying import patiently


def waits(*results: ProviderError | str, chance: float = 1.0) -> tuple[list[float], object]:
    """The seconds waited, and the result or the error."""
    left, slept = list(results), list[float]()

    async def call() -> str:
        result = left.pop(0)
        if isinstance(result, ProviderError):
            raise result
        return result

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def main() -> object:
        try:
            return await patiently(call, sleep=sleep, chance=lambda: chance)
        except ProviderError as error:
            return error

    return slept, asyncio.run(main())


def test_success_needs_no_wait() -> None:
    assert waits("ok") == ([], "ok")


def test_waits_double_up_to_six_tries() -> None:
    trouble = [Transient(str(n)) for n in range(6)]
    slept, error = waits(*trouble)
    assert slept == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert error is trouble[-1]


def test_jitter_is_full() -> None:
    assert waits(Transient("a"), Transient("b"), "ok", chance=0.0) == ([0.0, 0.0], "ok")


def test_retry_after_is_kept_to_with_jitter_on_top() -> None:
    assert waits(Transient("a", retry_after=7.0), "ok") == ([7.5], "ok")


def test_a_long_retry_after_ends_the_patience() -> None:
    error = Transient("a", retry_after=600.0)
    assert waits(error) == ([], error)


def test_other_errors_are_final() -> None:
    error = KeyRefused("no")
    assert waits(error) == ([], error)


def test_no_attempts_is_a_mistake() -> None:
    async def call() -> None:
        raise AssertionError

    with pytest.raises(ValueError, match="attempts"):
        asyncio.run(patiently(call, attempts=0))
