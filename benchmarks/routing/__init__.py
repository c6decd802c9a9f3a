"""A discrete-event simulation of routing: the gateway's own deciding and dispatching code, simulated providers, no real time."""
