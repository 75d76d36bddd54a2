"""
A real Airflow on this machine: a home of its own, its web UI on 127.0.0.1, and nothing left when it is closed.

Each of its processes runs on a leash: a small process that ends it, and all that it started, as soon as whoever
holds the other end lets go, be it by closing it or by dying.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import secrets
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

USER, PASSWORD = "admin", "admin"  # it listens on 127.0.0.1 alone

_FAB_MANAGER = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"

#: Seconds: until the web server answers on a slow machine, and until a process has ended by itself.
START, END = 240, 15


class LocalAirflow:
    """
    The Airflow of the running environment.

    :param home: its AIRFLOW_HOME, which may exist from an earlier run
    :param port: where the web UI listens, if it is free; else any other
    :param dags: folder of DAGs
    :param settings: further environment variables
    :param users: role of each further user; their password is that of the admin
    :param path: below which it is served, such as ``/airflow``
    :param fab: whether Airflow 3 uses the auth manager of its FAB provider, as 2.11 does
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int = 0,
        dags: Path | None = None,
        settings: dict[str, str] | None = None,
        users: dict[str, str] | None = None,
        path: str = "",
        fab: bool = False,
    ):
        self.home = home
        self.users = {USER: "admin", **(users or {})}
        self.port = free_port(port)
        self.release = installed_release()
        self.fab = fab or self.release < (3,)
        self.url = f"http://127.0.0.1:{self.port}{path}"
        self._leashes: dict[str, subprocess.Popen[bytes]] = {}
        home.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            **self._settings(dags or home / "dags"),
            **(settings or {}),
        }

    def __enter__(self) -> LocalAirflow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _settings(self, dags: Path) -> dict[str, str]:
        core = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            # The triggers of a triggerer that was killed are another's after seconds, instead of 30 and more.
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
            # 2.11 starts its tasks by this name.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        }
        return core | (self._settings_2() if self.release < (3,) else self._settings_3())

    def _settings_2(self) -> dict[str, str]:
        keys = self._keys()
        return {
            "AIRFLOW__CORE__FERNET_KEY": keys["fernet"],
            # Forks for a task; the SequentialExecutor starts a Python for each, which takes some 10 s. Airflow refuses
            # it with SQLite, because tasks then write at once: they wait for each other, and two at a time are few.
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}?timeout=60",
            "AIRFLOW__WEBSERVER__SECRET_KEY": keys["session"],
            "AIRFLOW__WEBSERVER__WORKERS": "1",
            "AIRFLOW__WEBSERVER__BASE_URL": self.url,
            "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth,airflow.api.auth.backend.session",
            # A look for new DAGs, and into those that are known, every few seconds instead of every 300 and 30.
            "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "5",
        }

    def _settings_3(self) -> dict[str, str]:
        keys = self._keys()
        passwords = self.home / "passwords.json"
        passwords.write_text(json.dumps(dict.fromkeys(self.users, PASSWORD)), encoding="utf-8")
        manager = {"AIRFLOW__CORE__AUTH_MANAGER": _FAB_MANAGER} if self.fab else {}
        return manager | {
            "AIRFLOW__CORE__FERNET_KEY": keys["fernet"],
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(map(":".join, self.users.items())),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            # Tasks ask the API server for everything.
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__SECRET_KEY": keys["session"],
            "AIRFLOW__API_AUTH__JWT_SECRET": keys["tokens"],
            # A look for new DAGs every few seconds instead of every 300.
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        }

    def _keys(self) -> dict[str, str]:
        """
        Keys that all processes, and later runs in the same home, share.
        """
        file = self.home / "keys.json"
        if not file.exists():
            file.touch(mode=0o600)
            keys = {name: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() for name in ("session", "tokens")}
            keys["fernet"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
            file.write_text(json.dumps(keys), encoding="utf-8")
        return json.loads(file.read_text(encoding="utf-8"))

    def run(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """
        Run an ``airflow`` command to its end, whatever that is.
        """
        return subprocess.run(
            [sys.executable, "-m", "airflow", *words],
            cwd=self.home,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def prepare(self) -> None:
        """
        Make the database, and the users who may log in.
        """
        self._must("db", "migrate")
        self._number_triggers_once()
        if self.fab and len(self.users) > 1:
            self._must("sync-perm")  # before it there is no role but Admin
        for name, role in self.users.items() if self.fab else ():
            about = ["--firstname", "Ada", "--lastname", name, "--email", f"{name}@example.org"]
            login = ["--username", name, "--password", PASSWORD, "--role", role.capitalize()]
            self._must("users", "create", *login, *about)

    def _number_triggers_once(self) -> None:
        """
        Let SQLite give no trigger the id of one that is gone, as other databases do: a triggerer that has not done with
        the old one yet may leave the new one alone for ever (seen on 3.0.6, when a deferred task was cleared).
        """
        with contextlib.closing(sqlite3.connect(self.home / "airflow.db")) as database:
            (table,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'trigger'").fetchone()
            if "AUTOINCREMENT" in table:
                return
            changes = {"id INTEGER NOT NULL": "id INTEGER PRIMARY KEY AUTOINCREMENT", "PRIMARY KEY (id)": "UNIQUE (id)"}
            for old, new in changes.items():
                assert table.count(old) == 1, table
                table = table.replace(old, new)
            database.executescript(f"DROP TABLE trigger; {table};")

    def _must(self, *words: str) -> None:
        done = self.run(*words)
        if done.returncode:
            raise RuntimeError(f"'airflow {' '.join(words[:2])}' failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")

    def serve(self) -> None:
        """
        Start the web UI and return when it answers.
        """
        if self.release < (3,):
            self._leash("webserver", "--hostname", "127.0.0.1", "--port", str(self.port))
            self._wait("webserver", "/health")
        else:
            self._leash("api-server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1")
            self._wait("api-server", "/api/v2/monitor/health")

    def schedule(self, *more: str) -> None:
        """
        Start what reads DAGs and runs tasks.

        :param more: further processes, such as ``triggerer``
        """
        for name in ("scheduler", *(() if self.release < (3,) else ("dag-processor",)), *more):
            self._leash(name)

    def log(self, name: str) -> str:
        """
        What a process has written so far.
        """
        return (self.home / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def start(self, name: str) -> None:
        """
        Start one process, such as ``triggerer``.
        """
        self._leash(name)

    def processes(self, name: str) -> set[int]:
        """
        Find the ids of one process and all that it started.
        """
        leash = self._leashes[name].pid
        return session(leash) - {leash}

    def end(self, name: str) -> None:
        """
        End one process.
        """
        leash = self._leashes.pop(name)
        leash.stdin.close()
        leash.wait()

    def kill(self, name: str) -> None:
        """
        End one process, and all that it started, without a chance to put anything in order.
        """
        leash = self._leashes.pop(name)
        for pid in session(leash.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        leash.wait()
        leash.stdin.close()

    def close(self) -> None:
        """
        End all processes.
        """
        for leash in self._leashes.values():
            leash.stdin.close()
        for leash in self._leashes.values():
            leash.wait()
        self._leashes.clear()

    def _leash(self, name: str, *options: str) -> None:
        # They would serve their logs to other machines, on all addresses of this one.
        alone = ["--skip-serve-logs"] if name in {"scheduler", "triggerer"} else []
        with (self.home / f"{name}.log").open("wb") as log:
            self._leashes[name] = subprocess.Popen(
                [sys.executable, __file__, sys.executable, "-m", "airflow", name, *alone, *options],
                cwd=self.home,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait(self, name: str, path: str) -> None:
        ends = time.monotonic() + START
        while time.monotonic() < ends and self._leashes[name].poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.url + path, timeout=5):
                return
            time.sleep(0.3)
        raise RuntimeError(
            f"Airflow's {name} did not answer on {self.url}; the end of its log:\n{self.log(name)[-3000:]}"
        )


def installed_release() -> tuple[int, ...]:
    """
    Tell which Airflow is installed, such as ``(3, 3)``.
    """
    return tuple(int(part) for part in version("apache-airflow").split(".")[:2])


def free_port(preferred: int = 0) -> int:
    """
    Find a port that nothing listens on: the preferred one, if it is free.

    Any other one is below those that Linux gives to whoever asks for any port: Airflow needs seconds to bind it.
    """
    for port in (preferred, *random.sample(range(10_000, 32_768), 50)):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if port:
                probe.bind(("127.0.0.1", port))
                return port
    raise RuntimeError("No port is free on 127.0.0.1.")


def hold(command: list[str]) -> int:
    """
    Run a command until it ends or standard input does, then end all that it started.
    """
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    while child.poll() is None and not select.select([sys.stdin], [], [], 0.5)[0]:
        pass
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(END)
    for pid in session(os.getsid(0)) - {os.getpid()}:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return child.wait()


def session(leader: int) -> set[int]:
    """
    Find the processes that the leader of a session and its descendants are, whatever group they put themselves in.
    """
    if Path("/proc/self").exists():
        pids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    else:
        pids = [int(pid) for pid in subprocess.check_output(["ps", "-A", "-o", "pid="]).split()]
    return {pid for pid in pids if _read_session(pid) == leader}


def _read_session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


if __name__ == "__main__":
    sys.exit(hold(sys.argv[1:]))
