"""Other threads call functions on the thread of the loop."""

import asyncio
import contextvars
import threading

import pytest

from localcloud.corrections import main_loop

NAME: contextvars.ContextVar[str] = contextvars.ContextVar("name")


def test_without_a_server_nothing_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_loop, "_loop", [])
    with pytest.raises(RuntimeError, match="not been started"):
        main_loop.call(threading.get_ident)


def test_a_function_runs_on_the_loop_s_thread_in_the_caller_s_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_loop, "_loop", [])

    def ask() -> tuple[int, str]:
        NAME.set("caller")
        return main_loop.call(lambda: (threading.get_ident(), NAME.get()))

    async def serve() -> tuple[int, str]:
        main_loop.remember()
        return await asyncio.to_thread(ask)

    assert asyncio.run(serve()) == (threading.get_ident(), "caller")


def test_an_exception_is_the_caller_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_loop, "_loop", [])

    def fail() -> None:
        raise ValueError("of the function")

    async def serve() -> None:
        main_loop.remember()
        with pytest.raises(ValueError, match="of the function"):
            await asyncio.to_thread(main_loop.call, fail)

    asyncio.run(serve())
