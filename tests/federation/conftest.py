"""What the tests with a Synapse have in common."""

import pytest
from tests.federation.peers import Person, TlsServer, register


@pytest.fixture(scope="module")
def people(peers: tuple[TlsServer, TlsServer]) -> tuple[Person, Person]:
    """Ali on Zajil, Sara on Synapse; the module says which servers."""
    return register(peers[0], "ali"), register(peers[1], "sara")
