"""Private servers for tests that kill, fill or wipe them, and a proxy that spoils connections.

PostgreSQL refuses to run as the superuser: then its programs run as the user `postgres`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian has the programs of each version; elsewhere they are on the PATH."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgreSql:
    """A server of one's own, to be killed or filled; a context manager.

    room: bytes of a file system of its own, which only the superuser may make; None: no limit.
    """

    def __init__(self, room: int | None = None) -> None:
        self._room = room
        self.folder = Path(tempfile.mkdtemp(prefix="rapport-postgresql-"))
        self.port = free_port()
        self._user = "postgres" if os.geteuid() == 0 else None
        self._server: subprocess.Popen[bytes] | None = None

    @staticmethod
    def why_not_limited() -> str | None:
        """Why there can be none with a limited room; None where there can."""
        if os.geteuid() != 0 or not sys.platform.startswith("linux"):
            return "only Linux's superuser can make a file system to fill"
        return PostgreSql.why_not()

    @staticmethod
    def why_not() -> str | None:
        """Why there can be no private server here; None where there can."""
        if _program("initdb") is None:
            return "PostgreSQL's server programs are not installed"
        if os.geteuid() == 0 and not _is_a_user("postgres"):
            return "there is no user `postgres` to run PostgreSQL as"
        return None

    def url(self, port: int | None = None) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{port or self.port}/postgres"

    def __enter__(self) -> Self:
        if self._room is not None:
            mount = ["mount", "-t", "tmpfs", "-o", f"size={self._room}", "tmpfs"]
            subprocess.run([*mount, str(self.folder)], check=True)
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-N")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        if self._room is not None:
            # Lazily: what was killed a moment ago may not have let go of its files yet.
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Returns when it takes connections; after a kill that is when it has recovered."""
        log = (self.folder / "log").open("ab")
        self._server = subprocess.Popen(
            self._command(
                "postgres", "-D", str(self.data), "-p", str(self.port), "-k", str(self.folder),
                "-c", "listen_addresses=127.0.0.1",
            ),
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        log.close()
        self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), seconds=60)

    def fill(self) -> None:
        """Its disk is full. It goes on writing meanwhile, so what is free is not free for long."""
        with (self.folder / "ballast").open("wb") as ballast:
            taken, piece = 0, shutil.disk_usage(self.folder).free
            while piece:
                try:
                    os.posix_fallocate(ballast.fileno(), taken, piece)
                    taken += piece
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                piece //= 2

    def make_room(self) -> None:
        """There is room again. Where it has given up meanwhile it is started, as whoever runs it
        does; returns when it takes connections."""
        (self.folder / "ballast").unlink()
        ended = self._server is None or self._server.poll() is not None
        if ended:
            self.kill()
            self.start()
        else:
            self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), seconds=60)

    def kill(self) -> None:
        """SIGKILL to all of it: as when the machine's power is cut, but that what the kernel has
        been given is kept."""
        if self._server is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()
        self._server = None
        for process in _children_of(str(self.data)):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _run(self, *command: str, seconds: float = 0.0) -> None:
        """Raises RuntimeError where it has not succeeded after so long."""
        ends_at = time.monotonic() + seconds
        while True:
            done = subprocess.run(self._command(*command), capture_output=True, check=False)
            if done.returncode == 0:
                return
            if time.monotonic() >= ends_at:
                break
            time.sleep(0.02)
        raise RuntimeError(f"{command[0]}: {done.stderr.decode()}{done.stdout.decode()}")

    def _command(self, program: str, *arguments: str) -> list[str]:
        found = _program(program)
        assert found is not None
        # setpriv becomes the program, so that a signal reaches it.
        rights = ["setpriv", f"--reuid={self._user}", f"--regid={self._user}", "--init-groups"]
        return [*(rights if self._user else []), found, *arguments]


def _program(name: str) -> str | None:
    places = os.pathsep.join([*sorted(map(str, PROGRAMS.glob("*/bin")))[::-1], os.environ["PATH"]])
    return shutil.which(name, path=places)


def _is_a_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _children_of(folder: str) -> list[int]:
    """Processes that work in this folder: PostgreSQL's have theirs as their own."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                if str((entry / "cwd").readlink()) == folder:
                    found.append(int(entry.name))
    return found


class Redis:
    """A redis-server of one's own that keeps nothing on the disk; a context manager."""

    def __init__(self) -> None:
        self.port = free_port()
        self._server: subprocess.Popen[bytes] | None = None

    @staticmethod
    def why_not() -> str | None:
        return None if shutil.which("redis-server") else "redis-server is not installed"

    def url(self, port: int | None = None) -> str:
        return f"redis://127.0.0.1:{port or self.port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Returns at once; clients wait for it."""
        command = ["redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._server = subprocess.Popen(
            [*command, "--bind", "127.0.0.1"], cwd=tempfile.gettempdir(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL: all that it held is gone."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def hang(self) -> None:
        """It goes on to take connections and answers nothing, until `wake`."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    def wipe(self) -> None:
        """FLUSHALL."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as server:
            server.sendall(b"FLUSHALL\r\n")
            server.recv(64)


class Proxy:
    """Between a client and a server on this machine; an async context manager.

    delay: seconds that every piece is held up. cut_after, pieces: how many more bytes, or reads of
    either end, pass before every connection is cut; None: as many as come. Used up by cutting.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self.port = 0
        self.delay = 0.0
        self.cut_after: int | None = None
        self.pieces: int | None = None
        self.cuts = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Every connection is lost at this moment, without a word."""
        self.cut_after = self.pieces = None
        self.cuts += 1
        for end in self._open:
            end.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, server_writer}
        self._open |= ends
        try:
            await asyncio.gather(
                self._pass(reader, server_writer), self._pass(server_reader, writer)
            )
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65536):
                if self.pieces is not None:
                    self.pieces -= 1
                    if self.pieces < 0:
                        self.cut()
                        return
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self.cut_after is not None:
                    piece, self.cut_after = piece[: self.cut_after], self.cut_after - len(piece)
                writer.write(piece)
                await writer.drain()
                if self.cut_after is not None and self.cut_after <= 0:
                    self.cut()
        writer.transport.abort()
