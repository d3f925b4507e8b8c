"""What a person may ask of the lab itself."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from widgets.intents import Intent, said

if TYPE_CHECKING:
    from widgets.player import Player

ORDERS: "Mapping[str, Callable[[Player, Intent], None]]" = {
    "play": lambda player, _intent: player.play(),
    "pause": lambda player, _intent: player.pause(),
    "speed": lambda player, intent: player.set_speed(said(intent, "value")),
    "back": lambda player, _intent: player.look(player.head.back),
    "step": lambda player, _intent: player.look(player.head.forward),
    "go": lambda player, intent: player.look(partial(player.head.go, intent)),
    "now": lambda player, _intent: player.back_to_now(),
    "copy": lambda player, intent: player.clipboard.copy(player.head.sights[0], intent.get("what")),
    "save": lambda player, _intent: player.save(),
    "choose": lambda player, intent: player.head.choose(intent.get("run")),
    "alone": lambda player, _intent: player.head.alone(),
    "fork": lambda player, _intent: player.fork(),
    "give-up": lambda player, _intent: player.give_up(),
    "dismiss": lambda player, _intent: player.dismiss(),
}
"""By the name in the intent's "do"."""
