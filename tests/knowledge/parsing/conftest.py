"""One pool of children for all parser tests."""

from collections.abc import Iterator

import pytest

from knowledge.parsing import ParserPool


@pytest.fixture(scope="session")
def pool() -> Iterator[ParserPool]:
    with ParserPool(workers=1) as shared:
        yield shared
