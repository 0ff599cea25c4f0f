"""Turns at the connections: in the order of asking, bounded in number and time."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest
from anyio.lowlevel import checkpoint
from api_process import api_settings
from fastapi.dependencies.models import Dependant
from operations import routes_of

from core.errors import StoreBusy
from core.instruments import API_TURNS_REFUSED
from services.api.answers import _history, _store
from services.api.app import create_app
from services.api.turns import Turns


def refused(bound: str) -> float:
    return float(API_TURNS_REFUSED.labels(bound)._value.get())  # noqa: SLF001 - the library shows it no other way


def test_turns_are_given_in_the_order_of_asking() -> None:
    order: list[int] = []

    async def ask(turns: Turns, number: int) -> None:
        async with turns.turn():
            order.append(number)
            await checkpoint()

    async def ask_all() -> None:
        turns = Turns(1, wait_s_max=60, waiting_max=10)
        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(ask, turns, number)

    anyio.run(ask_all)
    assert order == [0, 1, 2, 3, 4]


def test_who_waits_too_long_is_refused_and_counted_and_the_turn_is_not_lost() -> None:
    before = refused("time")

    async def wait() -> None:
        turns = Turns(1, wait_s_max=0.01, waiting_max=10)
        async with turns.turn():
            with pytest.raises(StoreBusy):
                async with turns.turn():
                    pytest.fail("there is one turn")
        async with turns.turn():
            pass

    anyio.run(wait)
    assert refused("time") == before + 1


def test_one_more_than_may_wait_is_refused_at_once() -> None:
    before = refused("waiting")

    async def hold(turns: Turns, until: anyio.Event) -> None:
        async with turns.turn():
            await until.wait()

    async def wait() -> None:
        turns, until = Turns(1, wait_s_max=60, waiting_max=1), anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(hold, turns, until)
            group.start_soon(hold, turns, until)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(StoreBusy):
                async with turns.turn():
                    pytest.fail("one waits already")
            until.set()

    anyio.run(wait)
    assert refused("waiting") == before + 1


def test_a_turn_is_passed_on_when_its_holder_fails() -> None:
    given: list[str] = []

    async def fail() -> None:
        turns = Turns(1, wait_s_max=60, waiting_max=1)
        with pytest.raises(RuntimeError):
            async with turns.turn():
                raise RuntimeError
        async with turns.turn():
            given.append("again")

    anyio.run(fail)
    assert given == ["again"]


def test_no_route_holds_two_connections() -> None:
    app = create_app(api_settings("postgresql://127.0.0.1:1/none"))
    held = {route.name: {_store, _history} & set(dependencies_of(route.dependant)) for route in routes_of(app)}
    assert {_store} in held.values()
    assert [name for name, connections in held.items() if len(connections) > 1] == []


def dependencies_of(dependant: Dependant) -> Iterator[object]:
    """Yield all that a route depends on, however deep."""
    for one in dependant.dependencies:
        yield one.call
        yield from dependencies_of(one)
