"""What tells people: the channels that the settings set up, and the loop that delivers over them."""

from __future__ import annotations

import random

from config.settings import Settings
from console.bootstrap.callbacks import callback_lane
from scheduler.alerting.delivery import DeliveryLoop, Lane
from scheduler.ports.store import Store


def make_lanes(settings: Settings, store: Store) -> tuple[Lane, ...]:
    """The channels that the settings set up; whoever adds one adds its lane here."""
    del store
    return (callback_lane(settings),)


def make_delivery_loop(settings: Settings, store: Store, owner: str) -> DeliveryLoop:
    """The loop of one daemon."""
    return DeliveryLoop(store, make_lanes(settings, store), owner, rng=random.Random())  # noqa: S311 - jitter
