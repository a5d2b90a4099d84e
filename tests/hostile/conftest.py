"""The process that hostile commands are forked from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hostile.watched import Watched


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with Watched() as process:
        yield process
