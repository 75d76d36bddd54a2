"""
Throw bytes at the readers of what servers send, for a bounded time, and keep what led to new places of their code.

    python tests/fuzz/run.py --seconds 20           every target; fails if one finds a fault
    python tests/fuzz/run.py --seconds 600 --keep   the same, and what is new comes to the corpus, as little as will do

Needs atheris, which the environment of ``make fuzz`` has.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")
NAMES = ("events", "refusal", "response")

#: Bytes of an input, seconds that one may take, and megabytes of the process, which begins with some 150.
MAX_LEN, TIMEOUT, MEMORY = 4_096, 5, 600

LIMITS = [f"-max_len={MAX_LEN}", f"-timeout={TIMEOUT}", f"-rss_limit_mb={MEMORY}"]


def fuzz(target: str, options: list[str]) -> None:
    """
    Become the fuzzer of one target, which ends the process.
    """
    import atheris

    with atheris.instrument_imports(include=["apache_airflow_provider_ovhcloud_ai"]):
        import targets

    # To merge, the fuzzer starts what it takes for its own name.
    atheris.Setup([f"{sys.executable} {__file__} --target {target}", *options], targets.TARGETS[target])
    atheris.Fuzz()


def run(target: str, seconds: int, *, keep: bool) -> bool:
    """
    Fuzz one target in a process of its own.

    :return: whether it found nothing
    """
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{target}-") as new:
        crashes = tempfile.mkdtemp(prefix=f"fuzz-crashes-{target}-")
        words = f"-dict={Path(__file__).with_name('words.txt')}"
        bounds = [
            *LIMITS,
            words,
            f"-max_total_time={seconds}",
            f"-artifact_prefix={crashes}/",
            "-print_final_stats=1",
            "-verbosity=0",
        ]
        done = start(target, *bounds, new, str(CORPUS / target))
        for crash in sorted(Path(crashes).iterdir()):
            print(f"{target}: {crash} holds {crash.read_bytes()!r}", flush=True)
        if not any(Path(crashes).iterdir()):
            Path(crashes).rmdir()
        if keep:
            minimize(target, new)
    return done


def minimize(target: str, new: str) -> None:
    """
    Make of the corpus and what was found the smallest one that reaches the same code.
    """
    with tempfile.TemporaryDirectory() as merged:
        done = start(target, *LIMITS, "-merge=1", merged, str(CORPUS / target), new)
        if done and any(Path(merged).iterdir()):
            for old in (CORPUS / target).iterdir():
                old.unlink()
            for file in Path(merged).iterdir():
                (CORPUS / target / file.name[:12]).write_bytes(file.read_bytes())


def start(target: str, *options: str) -> bool:
    """
    Run this file as the fuzzer of a target.
    """
    command = [sys.executable, __file__, "--target", target, *options]
    return subprocess.run(command, check=False).returncode == 0


def main() -> None:
    """
    Fuzz all targets, and fail if one of them found a fault.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--target", choices=NAMES)
    options, further = parser.parse_known_args()
    if options.target:
        fuzz(options.target, further)
    failed = [name for name in NAMES if not run(name, options.seconds, keep=options.keep)]
    print(f"Fuzzed {', '.join(NAMES)} for {options.seconds} s each: {', '.join(failed) or 'nothing'} failed.")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
