"""
The figures, one function a row of the table.
"""

from __future__ import annotations

import json
import math
import os
import signal
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from environments import ROOT, clean_environment
from servers import certificate, read_figures, service

CHAT_OPERATOR = "OVHCloudAIEndpointsChatOperator"

#: Which operator of each is imported, and what belongs to it: what is loaded besides is what it brings along.
OPERATORS = {
    "ours": ["apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints", CHAT_OPERATOR],
    "reference": ["apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints", CHAT_OPERATOR],
    "openai": ["airflow.providers.openai.operators.openai", "OpenAIEmbeddingOperator"],
}
PREFIXES = {name: operator[0].rpartition(".operators")[0] for name, operator in OPERATORS.items()}
COMPARED = tuple(OPERATORS)

#: Repetitions: a process that imports Airflow takes seconds, a call a millisecond.
IMPORTS = 7
ROUNDS = 3
CALLS_NEAR = 400
CALLS_FAR = 30

#: One way, in seconds.
DISTANCE = 0.010

#: Of row 6: texts, how many go in one request, how many requests at a time, seconds of each.
TEXTS, BATCH, CONCURRENCY, LATENCY = 10_000, 25, 8, 0.05

#: Of row 7: prompts, how many are allowed a minute, how many times as fast clocks run, and prompts as mapped tasks, of
#: which the same share is allowed.
PROMPTS, ALLOWED, SPEED, MAPPED = 1_000, 400, 10, 50

#: Of row 10: how many texts are embedded into a folder. Of row 12: how many, and rows in a part.
MIN_ROWS, MAX_ROWS = 10_000, 200_000
KILLED, PART = 1_000, 25

#: Of row 11: prompts, which $BENCH_PROMPTS changes, as a thousand mapped tasks take half an hour; and seconds of each.
TASKS, ANSWER = int(os.environ.get("BENCH_PROMPTS", "50")), 0.5

#: Of row 13: batches.
WAITING = 2_000


@dataclass(frozen=True)
class Row:
    """
    One line of the table.

    :param what: what was measured
    :param reach: what is wanted
    :param figures: what came out for each that is compared
    :param reached: whether ours does what is wanted
    """

    what: str
    reach: str
    figures: dict[str, str]
    reached: bool


def imports(environments):
    """Row 1. The best of several runs: anything else that the machine does only adds to it."""
    times = {name: [] for name in COMPARED}
    for number in range(IMPORTS + 1):
        for name in COMPARED:
            cost = json.loads(environments[name].run("import_one.py", *OPERATORS[name], PREFIXES[name]))
            times[name] += [cost] if number else []
    best = {name: min(costs, key=lambda cost: cost["milliseconds"]) for name, costs in times.items()}
    figures = {
        name: f"{cost['milliseconds']:.1f} ms, {cost['foreign']} modules"
        + (f", {' '.join(cost['heavy'])}" if cost["heavy"] else "")
        for name, cost in best.items()
    }
    mine = best["ours"]
    return Row(
        "1  import of one operator over airflow.sdk",
        "5 ms, 8 foreign modules, none heavy",
        figures,
        mine["milliseconds"] <= 5 and mine["foreign"] <= 8 and not mine["heavy"],
    )


def distributions(environments):
    """Row 2. Without the provider itself."""
    own = {"airflow-provider-ovhcloud-ai", "apache-airflow-provider-ovhcloud-ai", "apache-airflow-providers-openai"}
    plain = environments["plain"].distributions()
    added = {name: environments[name].distributions() - plain - own for name in COMPARED}
    figures = {
        name: f"{len(names)}" + (f" ({', '.join(sorted(names))})" if names else "") for name, names in added.items()
    }
    return Row("2  distributions added to Airflow 3.3.2, the provider aside", "0", figures, not added["ours"])


def near_calls(environments):
    """Row 3."""
    with service() as address:
        ratios = compare_calls(environments, address, CALLS_NEAR)
    return ratio_row("3  one chat call on loopback, over a bare requests.Session", 1.10, ratios)


def far_calls(environments):
    """Row 4."""
    with tempfile.TemporaryDirectory(prefix="ovh-ai-bench-") as folder:
        own, trusted = certificate(folder)
        trust = {"REQUESTS_CA_BUNDLE": str(trusted), "SSL_CERT_FILE": str(trusted)}
        with service("--certificate", own, "--delay", DISTANCE) as address:
            ratios = compare_calls(environments, address, CALLS_FAR, **trust)
    return ratio_row("4  second and later calls, TLS, 20 ms round trips, over the same", 1.05, ratios)


def compare_calls(environments, address, calls, **variables):
    """Median time of a call over that of the bare session beside it, the median of some rounds."""
    ratios = {name: [] for name in COMPARED}
    for _ in range(ROUNDS):
        for name in COMPARED:
            spent = json.loads(environments[name].run("call_many.py", name, address, calls, **variables))
            ratios[name].append(spent["client"] / spent["bare"])
    return {name: statistics.median(each) for name, each in ratios.items()}


def ratio_row(what, reach, ratios):
    """Make a row of ratios."""
    figures = {name: f"{ratio:.2f} times" for name, ratio in ratios.items()}
    return Row(what, f"{reach:.2f} times", figures, ratios["ours"] <= reach)


def test_button(environments):
    """Row 5."""
    with service("--silent") as address:
        results = {name: json.loads(environments[name].run("press_test.py", name, address)) for name in COMPARED}
    mine, peer = results["ours"], results["openai"]
    figures = {
        "ours": f"{mine['clear']} requests, {mine['ambiguous']} where ambiguous; hangs {mine['seconds']:.1f} s",
        "reference": f"{results['reference']['clear']} requests",
        "openai": f"{peer['failing']} requests to a failing service; hangs {peer['seconds']:.0f} s",
    }
    # What is beyond ten seconds is reading the connection.
    reached = mine["clear"] == 2 and mine["ambiguous"] == 3 and mine["seconds"] < 10.5
    return Row("5  Test button; a service that hangs", "2 requests, 3 where ambiguous; 10 s", figures, reached)


def embeddings(environments):
    """Row 6. The best of some rounds; a client that only reads bytes shows what the service itself costs."""
    clients = {"bare": "plain", "ours": "ours", "reference": "reference"}
    clients |= dict.fromkeys(("loop", "threads", "asyncio"), "openai")
    ideal = math.ceil(TEXTS / BATCH) / CONCURRENCY * LATENCY
    with service(LATENCY, script="load.py") as address:
        costs = {
            client: json.loads(environments[name].run("embed_many.py", client, address, ROUNDS))
            for client, name in clients.items()
        }
        busy = read_figures(address)["busy"]
    assert busy < LATENCY / 25, f"the load server is the bottleneck: it works {busy * 1000:.1f} ms a request"
    texts = {client: format_cost(cost, ideal) for client, cost in costs.items()}
    figures = {
        "ours": f"{texts['ours']}; a client that drops what it reads {texts['bare']}",
        "reference": texts["reference"],
        "openai": f"loop {texts['loop']}; threads {texts['threads']}; asyncio {texts['asyncio']}",
    }
    mine = costs["ours"]
    reached = mine["seconds"] <= 1.15 * ideal and not mine["wrong"]
    return Row(
        "6  10,000 texts, 1,024 dimensions, 50 ms a request, 8 at a time", f"1.15 times {ideal:.1f} s", figures, reached
    )


def format_cost(cost, ideal):
    """Write what embedding cost."""
    if "refused" in cost:
        return "refused for its size"
    wrong = f", {cost['wrong']} wrong" if cost["wrong"] else ""
    return f"{cost['seconds']:.2f} s, {cost['seconds'] / ideal:.2f} times{wrong}"


def prompts(environments):
    """Row 7. The clocks of client and service run faster; Airflow's do not, and so it gets fewer prompts."""
    results = {name: ask_many(environments[name], name) for name in ("ours", "openai")}
    results["reference"] = mapped_many(environments["reference"])
    mine = results["ours"]
    reached = mine["rate"] >= 0.97 and mine["refused"] < 0.01 and not mine["failed"]
    figures = {
        name: f"{each['rate']:.0%} of the rate, {each['refused']:.1%} refused, {each['failed']} failed"
        for name, each in results.items()
    }
    figures["reference"] += f" ({MAPPED} mapped tasks)"
    what = f"7  {PROMPTS:,} prompts, {ALLOWED} a minute allowed, clocks {SPEED} times as fast"
    return Row(what, "97 % of the rate, under 1 % refused, none failed", figures, reached)


def ask_many(environment, name):
    """Let one client ask."""
    with limited(ALLOWED) as address:
        output = environment.run("ask_many.py", name, address, PROMPTS, SPEED)
        return pace(address, ALLOWED, json.loads(output))


def mapped_many(environment):
    """Let mapped tasks ask."""
    allowed = MAPPED * ALLOWED // PROMPTS
    with limited(allowed) as address:
        output = environment.run("map_many.py", address, MAPPED, 60 // SPEED, ROOT / "scripts")
        return pace(address, allowed, json.loads(output))


def limited(allowed):
    """Run a service that allows so many requests a minute, and takes half a second for each, both scaled down."""
    return service(0.5 / SPEED, "--limit", allowed, "--window", 60 / SPEED, script="load.py")


def pace(address, allowed, result):
    """
    Rate from the first request that passed to the last, of that allowed, and share of requests refused. Who spends each
    minute at its beginning is above the rate as long as the minutes are few, at the price of refusals.
    """
    figures = read_figures(address)
    # Without a second request that passed, no time has passed either.
    rate = (figures["passed"] - 1) / figures["seconds"] * 60 / SPEED / allowed if figures["seconds"] else 0.0
    requests = figures["passed"] + figures["refused"]
    return {"rate": rate, "refused": figures["refused"] / requests if requests else 0.0, **result}


def plugin(environments):
    """Row 8. The best of several runs, as for row 1."""
    costs = [json.loads(environments["ours"].run("import_plugin.py")) for _ in range(IMPORTS)]
    best = min(cost["milliseconds"] for cost in costs)
    fastapi = any(cost["fastapi"] for cost in costs)
    figures = {"ours": f"{best:.1f} ms{', fastapi' if fastapi else ''}", "reference": "-", "openai": "-"}
    reached = best <= 2 and not fastapi
    return Row("8  plugin module in a process with Airflow's task runner", "2 ms, no fastapi", figures, reached)


def console(environments):
    """Row 9."""
    cost = json.loads(environments["ours"].run("console_data.py", 50, 500))["milliseconds"]
    figures = {"ours": f"{cost:.0f} ms", "reference": "-", "openai": "-"}
    return Row("9  console data of 50 connections and 500 models", "100 ms", figures, cost <= 100)


def memory(environments):
    """Row 10. The highest memory of the whole process, Airflow included."""
    memory_use = {count: embed_folder(environments["ours"], count) for count in (MIN_ROWS, MAX_ROWS)}
    ratio = memory_use[MAX_ROWS] / memory_use[MIN_ROWS]
    figures = {
        "ours": f"{memory_use[MIN_ROWS]:.0f} MB and {memory_use[MAX_ROWS]:.0f} MB, {ratio:.2f} times",
        "reference": "refused for its size",
        "openai": "-",
    }
    what = f"10 highest memory, {MIN_ROWS:,} and {MAX_ROWS:,} texts into a folder (npy)"
    return Row(what, "1.10 times", figures, ratio <= 1.10)


def embed_folder(environment, count):
    """Embed so many texts; megabytes."""
    with service(0.0, script="load.py") as address, tempfile.TemporaryDirectory(prefix="ovh-ai-bench-") as folder:
        return json.loads(environment.run("embed_folder.py", address, count, folder, 1_000))["megabytes"]


def tasks(environments):
    """Row 11. Both from Airflow's own record of the run."""
    with service(ANSWER, script="load.py") as address:
        one, mapped = (
            json.loads(environments["ours"].run("one_or_many.py", kind, address, TASKS, ROOT / "scripts"))
            for kind in ("one", "mapped")
        )
    faster = mapped["seconds"] / one["seconds"]
    figures = {
        "ours": f"{one['seconds']:.0f} s, {one['worker']:.0f} worker seconds; mapped {mapped['seconds']:.0f} s, "
        f"{mapped['worker']:.0f} worker seconds: {faster:.1f} times faster",
        "reference": "-",
        "openai": "-",
    }
    what = f"11 {TASKS:,} prompts in one task and in {TASKS:,} mapped tasks, LocalExecutor"
    return Row(what, "faster", figures, faster > 1)


def resume(environments):
    """Row 12. The process is killed when the service has answered half of the requests."""
    requests = KILLED // PART
    with (
        service(LATENCY, script="load.py") as address,
        tempfile.TemporaryDirectory(prefix="ovh-ai-bench-") as folder,
    ):
        arguments = ("embed_folder.py", address, KILLED, f"{folder}/vectors", PART)
        passed = kill_halfway(environments["ours"].command(*arguments), folder, address, requests // 2)
        environments["ours"].run(*arguments)
        repeated = passed + read_figures(address)["passed"] - requests
    figures = {"ours": f"{repeated} of {requests} requests", "reference": "-", "openai": "-"}
    what = f"12 requests repeated after SIGKILL at half, {KILLED:,} texts in parts of {PART}, 8 threads"
    return Row(what, f"{CONCURRENCY} requests", figures, repeated <= CONCURRENCY)


def kill_halfway(command, home, address, half):
    """Start a process, kill it, and return the number of its requests."""
    passed = 0
    with subprocess.Popen(command, env=clean_environment() | {"AIRFLOW_HOME": f"{home}/airflow"}) as process:
        while passed < half and process.poll() is None:
            time.sleep(0.01)
            passed += read_figures(address)["passed"]
        process.send_signal(signal.SIGKILL)
    time.sleep(4 * LATENCY)  # until what was under way has been counted
    return passed + read_figures(address)["passed"]


def waiting(environments):
    """Row 13. Beside what Airflow's own trigger costs, which waits for a time of day."""
    mine, plain = (
        json.loads(environments["ours"].run("wait_many.py", kind, WAITING, ROOT / "scripts"))
        for kind in ("ours", "plain")
    )
    figures = {
        "ours": f"{mine['blocked_then']} times, and {mine['blocked_first']} as they came; {mine['requests']:.0f} "
        f"requests a minute, {mine['kilobytes']:.0f} kB a trigger; Airflow's own {plain['blocked_then']} and "
        f"{plain['blocked_first']} times, {plain['kilobytes']:.0f} kB",
        "reference": "-",
        "openai": "-",
    }
    reached = mine["blocked_then"] <= plain["blocked_then"] and mine["requests"] <= 2 * WAITING / 100
    what = f"13 loop blocked for more than 100 ms, {WAITING:,} batches waited for by one triggerer"
    return Row(what, "not by ours; a request a minute for each hundred", figures, reached)


#: By the number in front of what they measure.
def slow_answers(number, seconds):
    """Rows 14 and 15. Both clients at the same time, each with a service of its own: they wait most of the time."""

    def measure(environments):
        names = ("ours", "openai")

        def ask(name):
            return ask_slowly(environments[name], name, seconds)

        with ThreadPoolExecutor(len(names)) as pool:
            results = dict(zip(names, pool.map(ask, names), strict=True))
        figures = {
            name: f"{each['rate']:.0%} of the rate, {each['failed']} failed, {each['megabytes']:.0f} MB"
            for name, each in results.items()
        }
        mine = results["ours"]
        what = f"{number} {PROMPTS:,} prompts of {seconds} s (± 50 %), {ALLOWED} a minute allowed, in the second minute"
        reached = mine["rate"] >= 0.95 and not mine["failed"]
        return Row(what, "95 % of the rate, none failed", {**figures, "reference": "-"}, reached)

    return measure


def ask_slowly(environment, name, seconds):
    """Let one client ask, and read how many requests passed in the second minute."""
    with service(seconds, "--spread", 0.5, "--limit", ALLOWED, script="load.py") as address:
        output = json.loads(environment.run("ask_slowly.py", name, address, PROMPTS))
        moments = read_figures(address)["moments"]
    # A whole minute, as a service lets half of its quota go at once.
    return {**output, "rate": sum(60 <= moment < 120 for moment in moments) / ALLOWED}


ROWS = {
    "1": imports,
    "2": distributions,
    "3": near_calls,
    "4": far_calls,
    "5": test_button,
    "6": embeddings,
    "7": prompts,
    "8": plugin,
    "9": console,
    "10": memory,
    "11": tasks,
    "12": resume,
    "13": waiting,
    "14": slow_answers("14", 5),
    "15": slow_answers("15", 20),
}
