"""What more than one file of the simulation begins with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.simulation.place import Place, running_place


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with running_place(tmp_path) as place:
        yield place
