"""The data directory: who owns it and what stands where in it.

::

    .pointbook/
      lock            held by the process that started the servers
      servers.lock    held by the servers
      secrets.json    passwords and the installation's secret, mode 0600
      sockets         where the sockets are, if the path of servers/run is too long for one
      log/            what the servers say, for us alone: statements hold personal data
      servers/        postgres/ valkey/ run/ programs/, owned by the user who runs them

Started as root where the servers' user cannot reach the data directory, ``servers`` is a link to a folder of its
own below /var/lib/pointbook. A new data directory gets a new folder. Folders of data directories that were
removed stay, because the data directory may only have been moved; ``owner`` in each says whose it was.
Only folders made here change their mode: the data directory may be one that others use as well.
"""

import contextlib
import fcntl
import hashlib
import os
import pwd
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pointbook.embedded.errors import AlreadyRunning, EmbeddedError

# Where servers live that run as another user when the data directory cannot be reached by that user.
_SYSTEM_PLACE = Path("/var/lib/pointbook")
_SERVANT = "nobody"
_FORMER_SERVERS_SECONDS = 60.0
_LONGEST_SOCKET_FOLDER = 80  # a socket's whole path may have 103 bytes (107 on Linux)
_PRIVATE = 0o700
_PASSABLE = 0o711  # another user walks through and sees nothing


@dataclass(frozen=True, slots=True)
class Owner:
    """The unprivileged user that the servers run as; ``None`` for the one we are."""

    uid: int | None
    gid: int | None

    def give(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


@dataclass(frozen=True, slots=True)
class Place:
    """Folders of one data directory, made and owned as the servers need them."""

    data_dir: Path
    servers: Path
    sockets: Path
    owner: Owner

    @classmethod
    def make(cls, data_dir: Path) -> "Place":
        """Make the folders that are missing; the caller holds the locks. Raises EmbeddedError."""
        owner = _owner(data_dir / "servers")
        passable = _PRIVATE if owner.uid is None else _PASSABLE
        servers = _make_servers(data_dir, owner, passable)
        _make(servers / "programs", passable)
        for private in (servers / "postgres", servers / "valkey"):
            _make(private, _PRIVATE)
            owner.give(private)
        return cls(data_dir, servers, _make_sockets(data_dir, servers, owner), owner)

    @classmethod
    def find(cls, data_dir: Path) -> "Place":
        """The folders that another process has made. Raises FileNotFoundError as long as it has not."""
        servers = (data_dir / "servers").resolve(strict=True)
        noted = _noted_sockets(data_dir)
        return cls(data_dir, servers, noted or (servers / "run").resolve(strict=True), _owner(servers))

    @property
    def cluster(self) -> Path:
        """The data of PostgreSQL. Whole, or not there."""
        return self.servers / "postgres" / "data"

    def new_log(self, name: str) -> Path:
        """A fresh log that only we read; what the last run said is kept beside it."""
        log = self.data_dir / "log" / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        log.touch(mode=0o600, exist_ok=False)
        return log


def prepare(data_dir: Path) -> None:
    """Make the data directory and the folder of the logs."""
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    pass_through = os.geteuid() == 0 and _is_reachable(data_dir.parent)
    _make(data_dir, _PASSABLE if pass_through else _PRIVATE)
    _make(data_dir / "log", _PRIVATE)


@contextlib.contextmanager
def ours_alone(data_dir: Path) -> Iterator[None]:
    """Say in one line that the folders are another user's. Raises EmbeddedError."""
    try:
        yield
    except PermissionError as error:
        raise EmbeddedError(
            f"{error.filename or data_dir} belongs to another user;"
            " start as that user or choose another POINTBOOK_DATA_DIR."
        ) from error


def _make(folder: Path, mode: int) -> None:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=_PRIVATE)
        folder.chmod(mode)  # whatever the umask


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


def _make_servers(data_dir: Path, owner: Owner, mode: int) -> Path:
    servers = data_dir / "servers"
    if servers.is_symlink() and not servers.exists():
        raise EmbeddedError(
            f"The data of {data_dir} were in {servers.readlink()}, which is gone:"
            f" put it back, or remove {data_dir} to begin anew."
        )
    if not servers.exists():
        if owner.uid is None or _is_reachable(data_dir):
            _make(servers, mode)
        else:
            servers.symlink_to(_new_system_folder(data_dir, mode))
    return servers.resolve()


def _new_system_folder(data_dir: Path, mode: int) -> Path:
    """Its name is random: a path that is used again must not lead to the data of a former directory."""
    _SYSTEM_PLACE.parent.mkdir(parents=True, exist_ok=True)
    _make(_SYSTEM_PLACE, _PASSABLE)
    folder = _SYSTEM_PLACE / secrets.token_hex(8)
    _make(folder, mode)
    note = folder / "owner"
    note.touch(mode=0o600)
    note.write_text(f"{data_dir}\n")
    return folder


def _make_sockets(data_dir: Path, servers: Path, owner: Owner) -> Path:
    """A folder that only the servers' user enters, with a path short enough for a socket."""
    note = data_dir / "sockets"
    folder = servers / "run"
    if _fits(folder):
        note.unlink(missing_ok=True)
        _make(folder, _PRIVATE)
        owner.give(folder)
        return folder
    prefix = f"pointbook-{_digest(servers)}-"  # a copy of the data directory has sockets of its own
    noted = _noted_sockets(data_dir)
    if noted is not None and noted.name.startswith(prefix) and _is_owned(noted, owner):
        return noted
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_temporary(owner)))
    owner.give(folder)
    unfinished = note.with_suffix(".new")
    unfinished.write_text(str(folder))
    unfinished.replace(note)
    return folder


def _noted_sockets(data_dir: Path) -> Path | None:
    note = data_dir / "sockets"
    return Path(note.read_text()) if note.exists() else None


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder)) <= _LONGEST_SOCKET_FOLDER and "," not in str(folder)


def _is_owned(folder: Path, owner: Owner) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    ours = owner.uid if owner.uid is not None else os.geteuid()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == ours


def _temporary(owner: Owner) -> Path:
    chosen = Path(tempfile.gettempdir())
    usable = _fits(chosen / ("x" * 40)) and (owner.uid is None or _is_reachable(chosen))
    return chosen if usable else Path("/tmp")  # noqa: S108  # the folder in it is private and its name random


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


def servers_run(data_dir: Path) -> bool:
    """Whether a process of servers on this data directory is left, whoever started them."""
    try:
        lock = os.open(data_dir / "servers.lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _take(lock, patience=0)
    finally:
        os.close(lock)  # a start that is waiting for it tries again


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
