"""What a script prints as error output, over every transport: all of it for who takes it, the beginning in the reply."""

import pytest

from sshsync.remote.scripts import Command, Script
from sshsync.transports.memory import Fault, MemoryTransport
from tests.contract.test_transports import Place, place

__all__ = ["place"]

MUCH = 300_000
COMPLAIN = Command(
    Script("probe", "\nmain() { i=0; while [ $i -lt 3000 ]; do printf '%099d\\n' $i >&2; i=$((i+1)); done; return 1; }\n")
)
WORDS = b"".join(b"%099d\n" % number for number in range(3000))


@pytest.fixture
def complaining(place: Place) -> Place:  # noqa: F811
    if isinstance(place.transport, MemoryTransport):
        place.transport.host.faults.append(Fault("fail", "probe", words=WORDS))
    return place


def test_all_error_output_is_handed_over_as_it_comes(complaining: Place) -> None:
    taken: list[bytes] = []
    with complaining.session.start(COMPLAIN, b"", errors=taken.append) as conversation:
        reply = conversation.answer()
    assert reply.status == 1
    assert b"".join(taken) == WORDS
    assert len(WORDS) == MUCH
    assert len(taken) > 1, "no piece is big"
    assert reply.errors == WORDS[:8192] + b"\n... and more"


def test_nobody_has_to_take_it(complaining: Place) -> None:
    reply = complaining.session.run(COMPLAIN)
    assert reply.status == 1
    assert reply.errors == WORDS[:8192] + b"\n... and more"
