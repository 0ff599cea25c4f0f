"""The flood gate never lets more through than it says, and one sensor's flood is not another's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestors.flood import Allowance, Buckets, FloodGate

# Instants in whole milliseconds: what a test adds up is then exact.
arrivals = st.lists(st.tuples(st.integers(0, 5_000), st.sampled_from("abc")), max_size=200)
allowances = st.builds(Allowance, st.sampled_from([0.5, 1.0, 2.0, 20.0]), st.integers(1, 20))


def admitted(gate: FloodGate, gaps: list[tuple[int, str]], commune: str | None = "93066") -> list[tuple[float, str]]:
    """Return (instant, sensor) of what the gate lets through, messages coming with these gaps (ms) between them."""
    instant_ms = 0
    through = []
    for gap_ms, sensor in gaps:
        instant_ms += gap_ms
        if gate.admits(sensor, commune, instant_ms / 1_000):
            through.append((instant_ms / 1_000, sensor))
    return through


def assert_within(instants: list[float], allowance: Allowance) -> None:
    """In every window between two of these instants, at most the burst and the rate passed."""
    for first, start_s in enumerate(instants):
        for last in range(first, len(instants)):
            assert last - first + 1 <= allowance.burst + allowance.per_s * (instants[last] - start_s) + 1e-6


@given(gaps=arrivals, sensor=allowances, commune=allowances)
def test_no_window_holds_more_than_the_burst_and_the_rate(
    gaps: list[tuple[int, str]], sensor: Allowance, commune: Allowance
) -> None:
    through = admitted(FloodGate(sensor, commune), gaps)
    assert_within([instant for instant, _ in through], commune)
    for name in "abc":
        assert_within([instant for instant, who in through if who == name], sensor)


@given(gaps=arrivals, sensor=allowances)
def test_a_sensor_is_admitted_as_if_it_were_alone_while_its_commune_has_room(
    gaps: list[tuple[int, str]], sensor: Allowance
) -> None:
    through = admitted(FloodGate(sensor, Allowance(1_000, 1_000)), gaps)
    instant_ms = 0
    alone = FloodGate(sensor, Allowance(1_000, 1_000))
    quiet = []
    for gap_ms, name in gaps:
        instant_ms += gap_ms
        if name == "a" and alone.admits("a", "93066", instant_ms / 1_000):
            quiet.append(instant_ms / 1_000)
    assert [instant for instant, name in through if name == "a"] == quiet


def test_a_looping_sensor_takes_from_its_commune_only_what_any_sensor_may() -> None:
    gate = FloodGate(Allowance(2, 10), Allowance(10, 30))
    looping = sum(gate.admits("looping", "93066", step / 620) for step in range(6_200))
    assert looping == 10 + 2 * 10 - 1  # the burst, then two a second; the twentieth comes at the tenth second
    assert sum(gate.admits(f"other-{number}", "93066", 10.0) for number in range(40)) == 30


def test_a_commune_that_is_out_of_tokens_leaves_the_others_theirs() -> None:
    gate = FloodGate(Allowance(1, 100), Allowance(1, 3))
    assert [gate.admits("a", "93066", 0.0) for _ in range(4)] == [True, True, True, False]
    assert gate.admits("b", "93051", 0.0)
    assert gate.admits("c", None, 0.0)
    assert gate.admits("a", "93066", 1.0)


def test_what_the_commune_refuses_costs_the_sensor_nothing() -> None:
    gate = FloodGate(Allowance(0.001, 2), Allowance(1, 1))
    assert [gate.admits("a", "93066", 0.0) for _ in range(5)] == [True, False, False, False, False]
    assert [gate.admits("a", "93066", 1.0), gate.admits("a", "93066", 2.0)] == [True, False]


def test_a_clock_that_steps_back_gives_no_token() -> None:
    gate = FloodGate(Allowance(1, 2), Allowance(1_000, 1_000))
    assert [gate.admits("a", None, 10.0), gate.admits("a", None, 10.0)] == [True, True]
    assert not gate.admits("a", None, 9.0)
    assert gate.admits("a", None, 11.0)


@given(names=st.lists(st.text(max_size=3), max_size=300), senders_max=st.integers(2, 8))
def test_memory_is_bounded_whatever_names_are_invented(names: list[str], senders_max: int) -> None:
    buckets = Buckets(Allowance(0.001, 5), senders_max)
    for number, name in enumerate(names):
        buckets.take(name, number / 10)
        assert len(buckets.full_at_s) <= senders_max


def test_full_buckets_make_room_first_and_a_looping_sensor_is_not_forgotten() -> None:
    buckets = Buckets(Allowance(1, 5), senders_max=4)
    for _ in range(5):
        buckets.take("looping", 100.0)
    for number in range(50):
        buckets.take(f"invented-{number}", 100.0 + number / 100)
    assert not buckets.has_token("looping", 100.5)
    buckets.take("later", 200.0)
    buckets.take("later-still", 200.0)
    assert buckets.has_token("looping", 200.0)


@pytest.mark.parametrize(("per_s", "burst"), [(0, 10), (-1, 10), (float("nan"), 10), (1, 0)])
def test_an_allowance_that_lets_nothing_through_is_refused(per_s: float, burst: int) -> None:
    with pytest.raises(ValueError, match="lets nothing through"):
        Allowance(per_s, burst)
