"""
A real Airflow with LocalExecutor, which runs one DAG to its end.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from pathlib import Path

#: Seconds after which it is given up.
END = 300

#: Seconds that a run took, and that its tasks did: the time for which they held a worker slot.
TOOK = """
select (julianday(run.end_date) - julianday(run.start_date)) * 86400, sum(task.duration)
from dag_run run join task_instance task on task.run_id = run.run_id
"""


def run(source, scripts, connection):
    """
    Run a DAG that is scheduled ``@once``.

    :param source: of its file
    :param scripts: where the module ``local_airflow`` is
    :param connection: JSON of the connection ``bench``
    :return: seconds of the run, seconds of its tasks, and how many tasks are in which state
    """
    sys.path.insert(0, scripts)
    from local_airflow import LocalAirflow

    home, ends = Path(os.environ["AIRFLOW_HOME"]), time.monotonic() + END
    (home / "dags").mkdir(parents=True)
    (home / "dags" / "bench.py").write_text(source, encoding="utf-8")
    with LocalAirflow(home, settings={"AIRFLOW_CONN_BENCH": connection}) as airflow:
        airflow.prepare()
        airflow.serve()
        airflow.schedule()
        while not (ended := query_database(home, "select count(*) from dag_run where end_date is not null")[0][0]):
            if time.monotonic() > ends:
                break
            time.sleep(1)
        states = dict(query_database(home, "select state, count(*) from task_instance group by state"))
        seconds, worker = query_database(home, TOOK)[0] if ended else (END, END)
    return seconds, worker, states


def query_database(home, query):
    """What Airflow's database says."""
    with sqlite3.connect(f"file:{home}/airflow.db?mode=ro", uri=True) as database:
        return database.execute(query).fetchall()
