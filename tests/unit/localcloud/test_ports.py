import socket

from localcloud import ports


def test_a_free_port_can_be_listened_on() -> None:
    assert ports.is_free(ports.free_port())


def test_a_port_that_a_program_listens_on_is_not_free() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert not ports.is_free(other.getsockname()[1])
