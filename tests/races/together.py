"""Threads that begin at the same moment, each with a database connection of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connections

R = TypeVar("R")


def together(calls: Sequence[Callable[[], R]]) -> list[R | Exception]:
    """Run all calls at once; each gives its result or the exception it raised, in order."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], R]) -> R | Exception:
        try:
            connections["default"].ensure_connection()
            barrier.wait(timeout=20)
            return call()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def succeeded(results: Sequence[R | Exception]) -> list[R]:
    return [result for result in results if not isinstance(result, Exception)]


def failed(results: Sequence[R | Exception]) -> list[Exception]:
    return [result for result in results if isinstance(result, Exception)]
