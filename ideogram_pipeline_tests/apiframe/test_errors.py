"""Errors cross process borders whole."""

from __future__ import annotations

import copy
import pickle

import pytest

from ideogram_pipeline.apiframe import errors
from ideogram_pipeline.errors import PipelineError

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.ProviderError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_pickling(kind: type[errors.ProviderError]) -> None:
    error = kind("No luck", request_id="req-1", retry_after=2.5)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert str(again) == "No luck [request req-1]"
        assert again.retry_after == 2.5


def test_the_docstring_draws_every_class() -> None:
    assert errors.__doc__
    for kind in KINDS:
        assert kind.__name__ in errors.__doc__
        assert issubclass(kind, PipelineError)
