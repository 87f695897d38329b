"""What time it is, for every process alike."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from returns import clock
from tests.make import DAY, T0

pytestmark = pytest.mark.django_db


def test_without_simulation_the_clock_is_real_and_cannot_be_moved() -> None:
    with time_machine.travel(T0, tick=False):
        assert clock.now() == T0
    with pytest.raises(ImproperlyConfigured):
        clock.advance(DAY)


def test_a_simulated_clock_stands_until_it_is_stepped(settings: Settings) -> None:
    settings.SIMULATION = True
    clock.set_to(T0, speed=0)
    assert clock.advance(3 * DAY) == T0 + 3 * DAY
    assert clock.now() == T0 + 3 * DAY


def test_a_simulated_clock_runs_at_its_speed(settings: Settings) -> None:
    settings.SIMULATION = True
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False) as travel:
        clock.set_to(T0)
        clock.run_at(86_400)
        travel.shift(timedelta(seconds=2))
        assert clock.now() == T0 + 2 * DAY


def test_time_goes_forward_only(settings: Settings) -> None:
    settings.SIMULATION = True
    clock.set_to(T0)
    with pytest.raises(ValueError, match="already"):
        clock.set_to(T0 - DAY)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-DAY)
