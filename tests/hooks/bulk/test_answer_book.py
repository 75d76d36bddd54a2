"""
Results by key, in a temporary file.
"""

from __future__ import annotations

import os
import threading
from array import array
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.answer_book import AnswerBook, StoredAnswer
from hypothesis import given
from hypothesis import strategies as st

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
results = st.dictionaries(st.text(), json_values, max_size=4)
keys = st.binary(min_size=16, max_size=16)


@given(st.lists(st.tuples(keys, results, st.booleans())), keys)
def test_a_key_finds_its_last_result(entries: list[tuple[bytes, dict[str, Any], bool]], missing: bytes) -> None:
    with closing(AnswerBook()) as book:
        for key, result, is_old in entries:
            book.add(key, result, is_old=is_old)
        expected = {key: StoredAnswer(result, is_old) for key, result, is_old in entries}
        assert {key: book.find(key) for key in expected} == expected
        assert (book.find(missing) is None) == (missing not in expected)


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=50))
def test_vectors_keep_their_type_and_values(numbers: list[float]) -> None:
    with closing(AnswerBook()) as book:
        book.add(b"k", {"embedding": array("f", numbers), "chunk": 3})
        stored = book.find(b"k")
    assert stored is not None
    assert stored.result == {"embedding": array("f", numbers), "chunk": 3}
    assert stored.result["embedding"].typecode == "f"


def test_threads_share_a_book() -> None:
    with closing(AnswerBook()) as book:

        def add(start: int) -> None:
            for number in range(start, start + 200):
                book.add(number.to_bytes(16), {"answer": number})
                assert book.find(number.to_bytes(16)) is not None

        threads = [threading.Thread(target=add, args=(200 * number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [book.find(number.to_bytes(16)) for number in range(1_600)] == [
            StoredAnswer({"answer": number}, False) for number in range(1_600)
        ]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_memory_does_not_grow_with_the_number_of_results() -> None:
    def read_memory() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    with closing(AnswerBook()) as book:
        before = read_memory()
        for number in range(50_000):
            book.add(number.to_bytes(16), {"answer": "x" * 1_000})
        # The results are some 55 MB.
        assert read_memory() - before < 20_000_000
        assert book.find((0).to_bytes(16)) == StoredAnswer({"answer": "x" * 1_000}, False)
