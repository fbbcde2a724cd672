"""Valkey: a private socket, a password, every write in the append-only file."""

import socket
from pathlib import Path
from urllib.parse import quote

from pointbook.embedded.children import Server
from pointbook.embedded.credentials import Secrets
from pointbook.embedded.place import Place


def url(place: Place, secrets: Secrets) -> str:
    return f"unix://:{quote(secrets.valkey_password)}@{quote(str(_socket(place)))}?db=0"


def server(place: Place, program: Path, secrets: Secrets) -> Server:
    """The password stands in a file of the server's user, not on the command line."""
    folder = place.servers / "valkey"
    configuration = folder / "valkey.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f'dir "{folder}"\n'
        "port 0\n"
        f'unixsocket "{_socket(place)}"\n'
        "unixsocketperm 700\n"
        f"requirepass {secrets.valkey_password}\n"
        "appendonly yes\n"
        "appendfsync everysec\n"
        'save ""\n'
        "maxmemory-policy noeviction\n"
    )
    place.owner.give(configuration)
    _socket(place).unlink(missing_ok=True)  # of a server that was killed
    return Server(
        name="valkey",
        argv=[program, configuration],
        stop_signals=("SIGTERM", "SIGKILL"),
        is_up=lambda: _answers(_socket(place)),
    )


def _socket(place: Place) -> Path:
    return place.sockets / "valkey.sock"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return bool(connection.recv(16))  # -NOAUTH is an answer
        except OSError:
            return False
