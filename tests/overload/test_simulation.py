"""The flood on a simulated clock: what conversations feel of it, with the server's own admission code and with two controls."""

from functools import partial

import pytest
from tests.overload.simulation import Admitted, Fair, Fifo, Outcome, simulate

BAR_MS = 5.0


def play(rate: float, *, seed: int = 1, inside: float = 0.0, flood_s: float = 30.0) -> Outcome:
    return simulate(partial(Admitted, seed=seed), seed=seed, rate=rate, inside=inside, flood_s=flood_s)


@pytest.mark.parametrize("rate", [400, 2000, 5000])
def test_conversations_do_not_feel_the_flood(rate: float) -> None:
    control, flood = play(0), play(rate)
    assert flood.live_lost == 0
    assert flood.p99_ms() <= control.p99_ms() + BAR_MS
    assert flood.flood_done > 200 * 30, "what is left of the capacity is used"


def test_one_in_twenty_inside_conversations_is_borne_too() -> None:
    flood = play(5000, inside=0.05)
    assert flood.live_lost == 0
    assert flood.p99_ms() <= play(0).p99_ms() + BAR_MS


def test_one_in_five_inside_conversations_is_felt_and_nothing_lost() -> None:
    flood = play(5000, inside=0.2)
    assert flood.live_lost == 0
    assert flood.p99_ms() < 1000


@pytest.mark.parametrize("control", [Fifo, Fair])
def test_the_controls_do_feel_it(control: type[Fifo] | type[Fair]) -> None:
    """In order of arrival, or fair to every sender: neither helps when everybody is a sender."""
    assert simulate(control, seed=1, rate=2000, flood_s=60).p99_ms() > 3000


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_two_minutes_of_it(seed: int) -> None:
    control = play(0, seed=seed, flood_s=120)
    for rate, inside in ((400, 0), (2000, 0), (5000, 0), (5000, 0.05), (5000, 0.2)):
        flood = play(rate, seed=seed, inside=inside, flood_s=120)
        print(
            f"{rate}/s, {inside:.0%} inside: p99 {flood.p99_ms():.1f} ms (control {control.p99_ms():.1f}), lost {flood.live_lost}"
        )
        assert flood.live_lost == 0
        if inside <= 0.05:
            assert flood.p99_ms() <= control.p99_ms() + BAR_MS
