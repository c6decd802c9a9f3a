"""`llm-gateway rotate-pepper`: another secret under which keys are hashed."""

from __future__ import annotations

from pathlib import Path

import click

from llm_gateway.cli.check import config_option, set_option
from llm_gateway.cli.offline import configured, recorded
from llm_gateway.cli.output import Output
from llm_gateway.worker.pepper import PREVIOUS, StateUnusable
from llm_gateway.worker.pepper import rotate_pepper as rotate


@click.command("rotate-pepper")
@config_option
@set_option
@click.pass_obj
def rotate_pepper(output: Output, path: Path | None, overrides: tuple[str, ...]) -> None:
    """Replace the secret under which keys are hashed. The gateway must not run.

    Keys that are known go on: what was hashed before counts, and is hashed anew when its key is used. After four more
    rotations it counts no longer.
    """
    from llm_gateway.control.audit import Event  # noqa: PLC0415 - only here
    from llm_gateway.supervisor import lock  # noqa: PLC0415 - only here

    config = configured(output, path, overrides)
    state = Path(config.state.dir)
    try:
        with lock.held(state) as free:
            if not free:
                output.fail("A gateway runs with this state.dir: its processes would go on with the old pepper. End it first.")
            rotate(state)
    except (StateUnusable, OSError) as error:
        output.fail(str(error))
    recorded(output, config, Event(action="pepper.rotated", actor="command line", resource="pepper"))
    output.show(
        {"rotated": True, "older": PREVIOUS}, f"{state / 'pepper'} is new; older ones count until they are {PREVIOUS} behind."
    )
