"""The data directory: who owns it, what stands where in it, and its secrets.

::

    .pointbook/
      lock            held by the process that started the servers
      servers.lock    held by the servers
      secrets.json    passwords and the installation's secret, mode 0600
      log/            what the servers say
      servers/        postgres/ valkey/ run/ programs/, owned by the user who runs them
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import secrets
import stat
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from pointbook.embedded.errors import AlreadyRunning, EmbeddedError

# Where servers live that run as another user when the data directory cannot be reached by that user.
_SYSTEM_PLACE = Path("/var/lib/pointbook")
_SERVANT = "nobody"
_FORMER_SERVERS_SECONDS = 60.0
_LONGEST_SOCKET_FOLDER = 80  # a socket's whole path may have 103 bytes (107 on Linux)


@dataclass(frozen=True, slots=True)
class Owner:
    """The unprivileged user that the servers run as; ``None`` for the one we are."""

    uid: int | None
    gid: int | None

    def give(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Made once for a data directory and kept in it; ``secret`` is what voucher codes are derived from."""

    superuser_password: str
    owner_password: str
    app_password: str
    valkey_password: str
    secret: str

    @classmethod
    def of(cls, data_dir: Path) -> "Secrets":
        kept = data_dir / "secrets.json"
        if kept.exists():
            return cls(**json.loads(kept.read_text()))
        made = cls(*(secrets.token_urlsafe(32) for _ in range(5)))
        unfinished = kept.with_suffix(".new")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(asdict(made), indent=2))
        unfinished.rename(kept)
        return made


@dataclass(frozen=True, slots=True)
class Place:
    """Folders of one data directory, made and owned as the servers need them."""

    data_dir: Path
    servers: Path
    sockets: Path
    owner: Owner

    @classmethod
    def of(cls, data_dir: Path) -> "Place":
        """Make the folders. Raises EmbeddedError when this user may not."""
        data_dir = data_dir.absolute()
        try:
            return cls._made(data_dir)
        except PermissionError as error:
            raise EmbeddedError(
                f"{error.filename or data_dir} belongs to another user;"
                " start as that user or choose another POINTBOOK_DATA_DIR."
            ) from error

    @classmethod
    def _made(cls, data_dir: Path) -> "Place":
        data_dir.mkdir(parents=True, exist_ok=True)
        for folder in (data_dir, data_dir / "log"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o711)  # the servers' user passes through
        servers = data_dir / "servers"
        owner = _owner(servers)
        if not servers.exists():
            _make_servers(servers, reachable=owner.uid is None or _is_reachable(data_dir))
        servers = servers.resolve()
        (servers / "programs").mkdir(exist_ok=True, mode=0o755)
        for private in (servers / "postgres", servers / "valkey"):
            private.mkdir(exist_ok=True)
            private.chmod(0o700)
            owner.give(private)
        return cls(data_dir, servers, _sockets(servers, owner), owner)

    def log(self, name: str) -> Path:
        """A fresh log; what the last run said is kept beside it."""
        log = self.data_dir / "log" / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        return log


def _owner(servers: Path) -> Owner:
    """Never root: PostgreSQL refuses to run as root, and the servers need no rights."""
    if os.geteuid() != 0:
        return Owner(None, None)
    data = servers / "postgres"
    if data.exists() and data.stat().st_uid != 0:
        return Owner(data.stat().st_uid, data.stat().st_gid)
    try:
        servant = pwd.getpwnam(_SERVANT)
    except KeyError as error:
        raise EmbeddedError(
            f"There is no user {_SERVANT!r} to run the servers as; start as an ordinary user."
        ) from error
    return Owner(servant.pw_uid, servant.pw_gid)


def _is_reachable(folder: Path) -> bool:
    return all(above.stat().st_mode & stat.S_IXOTH for above in (folder, *folder.resolve().parents))


def _make_servers(servers: Path, *, reachable: bool) -> None:
    if reachable:
        servers.mkdir(mode=0o755)
        return
    _SYSTEM_PLACE.mkdir(parents=True, exist_ok=True)
    _SYSTEM_PLACE.chmod(0o711)
    elsewhere = _SYSTEM_PLACE / _digest(servers)
    elsewhere.mkdir(exist_ok=True, mode=0o755)
    servers.unlink(missing_ok=True)
    servers.symlink_to(elsewhere)


def _sockets(servers: Path, owner: Owner) -> Path:
    """A folder that only the servers' user enters, with a path short enough for a socket."""
    folder = servers / "run"
    if len(os.fsencode(folder)) > _LONGEST_SOCKET_FOLDER or "," in str(folder):
        folder = Path(tempfile.gettempdir()) / f"pointbook-{os.geteuid()}-{_digest(servers)}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        owner.give(folder)
    ours = owner.uid if owner.uid is not None else os.geteuid()
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != ours:
        raise EmbeddedError(f"{folder} belongs to somebody else; remove it.")
    folder.chmod(0o700)
    return folder


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


class Locks:
    """What keeps two starts apart: one lock is ours, the other lives as long as the servers.

    The second is inherited by every process of the servers. After we were killed it is free when the
    last of them has shut down, and the next start waits for that.
    """

    def __init__(self, data_dir: Path) -> None:
        """Raises AlreadyRunning, and EmbeddedError when former servers do not end."""
        self._ours = _open(data_dir / "lock")
        self.servers = _open(data_dir / "servers.lock")
        try:
            self._take_both(data_dir)
        except BaseException:
            self.give_back()
            raise

    def _take_both(self, data_dir: Path) -> None:
        if not _take(self._ours, patience=0):
            process = os.pread(self._ours, 32, 0).decode() or "unknown"
            raise AlreadyRunning(f"Pointbook is running already on {data_dir} (process {process}).")
        os.ftruncate(self._ours, 0)
        os.pwrite(self._ours, str(os.getpid()).encode(), 0)
        if not _take(self.servers, patience=_FORMER_SERVERS_SECONDS):
            raise EmbeddedError(f"The former servers of {data_dir} do not end.")

    def give_back(self) -> None:
        os.close(self.servers)
        os.close(self._ours)


def _open(lock: Path) -> int:
    return os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)


def _take(lock: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True
