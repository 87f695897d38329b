"""Run the couriers until somebody ends them: `python -m couriers_sandbox --port N [--seed S]`."""

import os
import sys
import threading
import time
from argparse import ArgumentParser

from couriers_sandbox.server import Sandbox
from couriers_sandbox.world import World

TICK = 0.5  # real seconds between two looks at what is due, while the clock runs


def live(world: World) -> None:
    """Say what is due as time goes by; where the clock stands still, whoever moves it asks."""
    while True:
        time.sleep(TICK)
        if world.clock.speed:
            world.advance(world.clock.now())


def main() -> None:
    """What is not given comes from COURIERS_SEED and COURIERS_TOKEN in the environment."""
    parser = ArgumentParser(prog="couriers_sandbox", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("COURIERS_SEED", "0")))
    given = parser.parse_args()
    world = World(given.seed, run=f"L{int(time.time()):x}")
    sandbox = Sandbox(world, token=os.environ.get("COURIERS_TOKEN", "sandbox"), port=given.port)
    threading.Thread(target=live, args=(world,), daemon=True).start()
    sys.stdout.write(f"The couriers' sandbox listens on {sandbox.url}\n")
    sys.stdout.flush()
    sandbox.serve_forever()


if __name__ == "__main__":
    main()
