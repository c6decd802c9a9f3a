"""What a load needs: processor, memory, pods, connections, database, disk. From what was measured (figures.json), not from hopes.

Processor time of a request: a whole answer, and what each kilobyte and each event of a stream add, as benchmarks/run.py found.
Memory: processes under load, and what an open stream or an idle connection holds, as benchmarks/sizes.py found.
"""

from __future__ import annotations

from importlib.resources import files
from math import ceil

import msgspec

EVENTS = 51
"""Of the streams that were measured."""
BENCHED_KB, BIG_KB = 1.5, 100.0
"""Bodies of the requests that were measured."""
WHOLE_POD_MB = 128.0
"""Left free in each pod, for what nobody thought of."""
DAY, MONTH_DAYS = 86_400, 30


class Cpu(msgspec.Struct, frozen=True, rename={"paced_stream": "paced"}):
    """Microseconds of a worker for each request (for each event: `paced_stream`), and of control for each request."""

    whole: float
    limited: float
    redis: float
    big: float
    paced_stream: float
    tls: float
    translated: float
    control: float


class Memory(msgspec.Struct, frozen=True):
    """Of processes in MB, of connections in KB."""

    supervisor_mb: float
    worker_loaded_mb: float
    control_loaded_mb: float
    idle_connection_kb: float
    stream_kb: float


class LedgerBytes(msgspec.Struct, frozen=True):
    """Bytes that each request leaves: in the worker's log, in tables, in the database's own log, in the access log."""

    log_bytes: float
    row_bytes: float
    database_log_bytes: float
    access_log_bytes: float


class RedisUse(msgspec.Struct, frozen=True):
    """`commands` of each request, those inside of scripts included."""

    bytes_per_key: float
    commands: float


class Costs(msgspec.Struct, frozen=True):
    """What a pod of each size costs in a month, from how much to how much. An estimate of `date`."""

    date: str
    source: str
    dollars_per_pod: dict[str, tuple[float, float]]


class Figures(msgspec.Struct, frozen=True):
    """Everything of the file that is computed with."""

    cpu: dict[str, str]
    cpu_us: Cpu
    memory: Memory
    ledger: LedgerBytes
    redis: RedisUse
    costs: Costs


class Load(msgspec.Struct, frozen=True):
    """What is asked for. Shares are from 0 to 1; `streams`: of the requests; `events`: tokens of a stream's answer."""

    requests_per_second: float
    latency_seconds: float = 2.0
    streams: float = 0.5
    events: float = 200.0
    body_kb: float = 4.0
    translated: float = 0.0
    keys: int = 100
    idle_connections: int = 0
    limited: bool = True
    redis: bool = True
    tls: bool = True
    utilisation: float = 0.6
    spare_pods: int = 1
    keep_days: int = 90


class Size(msgspec.Struct, frozen=True):
    """A size of pods, and how many of them the load needs."""

    name: str
    cores: float
    gigabytes: float
    workers: int
    requests_per_second: float
    limited_by: str
    pods: int
    dollars_a_month: tuple[int, int]


class Thumb(msgspec.Struct, frozen=True):
    """The founding documents' formula, for comparison: it knows of no streams, and takes a core for 100 requests at a time."""

    in_flight: float
    cores: float
    gigabytes: float
    pods: int


class Needs(msgspec.Struct, frozen=True):
    """The answer. `gigabytes` of memory are without the processes themselves; all others are of disk."""

    in_flight: float
    worker_us: float
    control_us: float
    cores: float
    memory_gb: float
    caller_connections: int
    provider_connections: int
    ledger_rows_per_second: float
    ledger_rows_per_day: int
    worker_log_gb_per_day: float
    access_log_gb_per_day: float
    database_gb_per_day: float
    database_gb_kept: float
    database_log_gb_per_day: float
    redis_commands_per_second: int
    redis_mb: float
    sizes: tuple[Size, ...]
    rule_of_thumb: Thumb
    notes: tuple[str, ...]


_SIZES = (("XS", 0.5, 1.0, 2), ("S", 1.0, 2.0, 3), ("M", 2.0, 4.0, 3), ("L", 4.0, 8.0, 3), ("XL", 8.0, 16.0, 3))
"""Name, cores, gigabytes, and the fewest pods: requirements, section 10."""


def figures() -> Figures:
    """What was measured."""
    return msgspec.json.decode((files("llm_gateway.loadtest") / "figures.json").read_bytes(), type=Figures)


def needs(load: Load, measured: Figures) -> Needs:
    """What the load needs."""
    worker_us, control_us = cpu_of(load, measured.cpu_us)
    rate = load.requests_per_second
    in_flight = rate * load.latency_seconds
    held_kb = held(load, measured.memory)
    rows = rate
    return Needs(
        in_flight=round(in_flight, 1),
        worker_us=round(worker_us, 1),
        control_us=control_us,
        cores=round(rate * (worker_us + control_us) / 1e6 / load.utilisation, 2),
        memory_gb=round(rate * held_kb / (1 << 20) + load.idle_connections * measured.memory.idle_connection_kb / (1 << 20), 3),
        caller_connections=ceil(in_flight) + load.idle_connections,
        provider_connections=ceil(in_flight),
        ledger_rows_per_second=rows,
        ledger_rows_per_day=round(rows * DAY),
        worker_log_gb_per_day=_gb(rows * DAY * measured.ledger.log_bytes),
        access_log_gb_per_day=_gb(rows * DAY * measured.ledger.access_log_bytes),
        database_gb_per_day=_gb(rows * DAY * measured.ledger.row_bytes),
        database_gb_kept=_gb(rows * DAY * measured.ledger.row_bytes * (load.keep_days + MONTH_DAYS)),
        database_log_gb_per_day=_gb(rows * DAY * measured.ledger.database_log_bytes),
        redis_commands_per_second=ceil(rate * measured.redis.commands) if load.redis and load.limited else 0,
        redis_mb=round(load.keys * measured.redis.bytes_per_key / (1 << 20), 2) if load.redis and load.limited else 0.0,
        sizes=tuple(size_for(load, measured, *one) for one in _SIZES),
        rule_of_thumb=thumb(rate, load.latency_seconds * 1000, 2.0),
        notes=_notes(load, measured),
    )


def cpu_of(load: Load, cpu: Cpu) -> tuple[float, float]:
    """Microseconds of worker and control for a request. Extras were measured one at a time, and are added."""
    base = cpu.redis if load.limited and load.redis else cpu.limited if load.limited else cpu.whole
    base += max(load.body_kb - BENCHED_KB, 0) * (cpu.big - cpu.whole) / (BIG_KB - BENCHED_KB)
    base += (cpu.tls - cpu.whole) if load.tls else 0
    base += load.translated * (cpu.translated - cpu.whole)
    event = max(cpu.paced_stream * EVENTS - cpu.whole, 0) / EVENTS
    return base + load.streams * load.events * event, cpu.control


def held(load: Load, memory: Memory) -> float:
    """KB that requests hold, for each request per second: those under way, each with its body two times and its stream."""
    return load.latency_seconds * (memory.stream_kb + 2 * load.body_kb)


def size_for(load: Load, measured: Figures, name: str, cores: float, gigabytes: float, fewest: int) -> Size:
    """How many pods of a size."""
    worker_us, control_us = cpu_of(load, measured.cpu_us)
    workers = max(int(cores), 1)
    by_cpu = cores * load.utilisation * 1e6 / (worker_us + control_us)
    by_workers = workers * load.utilisation * 1e6 / worker_us
    memory = measured.memory
    processes = memory.supervisor_mb + memory.control_loaded_mb + workers * memory.worker_loaded_mb + WHOLE_POD_MB
    by_memory = max(gigabytes * 1024 - processes, 0) * 1024 / held(load, memory) if held(load, memory) else float("inf")
    limits = {"processor": min(by_cpu, by_workers), "memory": by_memory}
    limited_by = min(limits, key=lambda one: limits[one])
    capacity = limits[limited_by]
    pods = max(ceil(load.requests_per_second / capacity) + load.spare_pods, fewest) if capacity > 0 else 0
    low, high = measured.costs.dollars_per_pod[name]
    return Size(name, cores, gigabytes, workers, round(capacity, 1), limited_by, pods, (round(low * pods), round(high * pods)))


def thumb(rate: float, latency_ms: float, mb_per_request: float) -> Thumb:
    """In flight = RPS * ms / 1000; cores = in flight / 100; MB = in flight * MB per request + 512; pods = max(3, cores / 2).

    10,000 requests per second of 500 ms with 2 MB each are 10,512 MB, which is 10.3 GB (the documents said 10.5).
    """
    in_flight = rate * latency_ms / 1000
    cores = in_flight / 100
    return Thumb(in_flight, cores, round((in_flight * mb_per_request + 512) / 1024, 1), max(3, ceil(cores / 2)))


def _notes(load: Load, measured: Figures) -> tuple[str, ...]:
    machine = measured.cpu.get("machine", "an unknown machine")
    python = measured.cpu.get("python", "")
    notes = [
        f"Processor times were measured on {measured.cpu.get('date', 'an unknown day')} on {machine} (Python: {python}).",
        "Other machines differ: run `make bench` and benchmarks/sizes.py on yours.",
        f"Capacity is at {load.utilisation:.0%} of the processors, with {load.spare_pods} pod(s) more than the load needs.",
        f"Costs are an estimate of {measured.costs.date} ({measured.costs.source}).",
        "Tokens, databases and traffic are not in them.",
        "Database: rows are kept for keep_days and dropped by whole months, hence a month more.",
    ]
    if load.streams:
        notes.append(
            "Streams are taken as one event for each token and each read; providers that send several at once cost less."
        )
    return tuple(notes)


def _gb(size: float) -> float:
    return round(size / (1 << 30), 3)
