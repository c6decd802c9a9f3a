"""A fake provider for tests, demos and benchmarks: every dialect, any pace, every fault, a log of what it saw.

sim = await Simulator.start(SimulatorOptions(seed=7))     # sim.url, sim.requests, await sim.stop()
with running_simulator() as sim: ...                      # the same in a thread
serve(SimulatorOptions(), port=9100, announce=print)      # in the foreground, until SIGTERM
"""

from __future__ import annotations

from llm_gateway.simulator.admin import fault_rows
from llm_gateway.simulator.log import Seen, fingerprint
from llm_gateway.simulator.options import Mount, SimulatorOptions
from llm_gateway.simulator.running import RunningSimulator, running_simulator, serve
from llm_gateway.simulator.server import Simulator, refused_port

__all__ = [
    "Mount",
    "RunningSimulator",
    "Seen",
    "Simulator",
    "SimulatorOptions",
    "fault_rows",
    "fingerprint",
    "refused_port",
    "running_simulator",
    "serve",
]
