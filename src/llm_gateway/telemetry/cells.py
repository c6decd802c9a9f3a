"""Which series one kind of request is counted in: looked up once, then at hand."""

from __future__ import annotations

from functools import lru_cache

from llm_gateway.telemetry.ended import Ended
from llm_gateway.telemetry.naming import CACHE, NONE, UNKNOWN, Naming, endpoint_of
from llm_gateway.telemetry.series import Counts, Labels, Series

_Values = list[float]
NOT_CACHED = "not_cached"
"""The code of who wanted what is kept or nothing, and got nothing: no failure of anybody."""
_endpoint = lru_cache(maxsize=1024)(endpoint_of)


class Cell:
    """Values of series, for requests with the same path, caller, model, provider, status and error."""

    __slots__ = (
        "attempts",
        "bytes_in",
        "bytes_out",
        "completions",
        "cost",
        "duration",
        "first",
        "folded",
        "input",
        "latency",
        "operation",
        "outcomes",
        "output",
        "overhead",
        "per_token",
        "prompts",
        "requests",
        "series",
        "spender",
        "spends",
        "touched",
    )

    def __init__(self, spender: Labels) -> None:
        self.spender = spender
        """Provider, model, tenant and what else tells tokens and cost apart."""
        self.series: list[Series] = []
        self.touched = False
        self.folded = False
        """Whether there was no room for it, so that something is counted under other names."""
        self.spends = False
        """Whether a provider was asked."""
        self.requests: _Values | None = None
        """None: nobody asked for it (a mirror)."""
        self.first: tuple[_Values, ...] = ()
        self.per_token: tuple[_Values, ...] = ()
        nothing: _Values = []
        self.outcomes = self.bytes_in = self.bytes_out = self.duration = self.operation = nothing
        self.attempts = self.latency = self.overhead = nothing
        self.input = self.output = self.prompts = self.completions = self.cost = nothing


class Cells:
    """Makes them."""

    def __init__(self, counts: Counts, naming: Naming) -> None:
        self.labels: frozenset[str] = frozenset({"tenant"})
        """What requests, tokens and cost are told apart by besides what they always are."""
        self._counts = counts
        self._naming = naming

    def endpoint(self, path: bytes) -> str:
        """The label of a path."""
        return _endpoint(path)[0]

    def cell(self, record: Ended) -> Cell:
        """For all requests like this one."""
        endpoint, operation = _endpoint(record.path)
        provider, model = self._served(record)
        unusual, caller = record.unusual, record.caller
        stream = "true" if record.stream else "false"
        tenant = project = key = alias = ""
        if "tenant" in self.labels:
            tenant = (caller.tenant if caller is not None else "") or NONE
        if "project" in self.labels:
            project = (caller.project if caller is not None else "") or NONE
        if "key" in self.labels:
            key = (caller.key_id if caller is not None else "") or NONE
        if "alias" in self.labels:
            alias = self._naming.alias(record.model)
        more = project, key, alias
        cell = Cell((provider, model, tenant, *more))
        if unusual is None or unusual.outcome != "mirrored":
            outcome = "completed" if unusual is None else unusual.outcome
            error = "" if unusual is None else unusual.error
            server, asked = (CACHE, self._naming.kept(record.model)) if record.cached else (provider, model)
            if error == NOT_CACHED:
                server = CACHE
            ai = operation, self._naming.system(server), asked
            labels = endpoint, server, asked, tenant, str(record.status), *more
            cell.requests = self._values(cell, "gateway_requests_total", labels)
            cell.outcomes = self._values(cell, "gateway_request_outcomes_total", (endpoint, outcome))
            cell.bytes_in = self._values(cell, "gateway_request_bytes_total", (endpoint,))
            cell.bytes_out = self._values(cell, "gateway_response_bytes_total", (endpoint,))
            cell.duration = self._values(cell, "gateway_request_duration_seconds", (endpoint, server, asked, stream))
            cell.operation = self._values(cell, "gen_ai_client_operation_duration_seconds", (*ai, error))
        if provider != NONE:
            self._spending(cell, record, operation)
        if unusual is None:
            status = str(record.answered) if record.answered else NONE
            cell.attempts = self._values(cell, "gateway_provider_requests_total", (provider, model, status))
            cell.latency = self._values(cell, "gateway_provider_latency_seconds", (provider, model))
            cell.overhead = self._values(cell, "gateway_overhead_seconds", (endpoint,))
        return cell

    def tokens(self, cell: Cell, kind: str) -> _Values:
        """Of one type."""
        labels = *cell.spender[:3], kind, *cell.spender[3:]
        series = self._counts.series("gateway_tokens_total", labels)
        if series not in cell.series:
            cell.series.append(series)
        return series.values

    def _spending(self, cell: Cell, record: Ended, operation: str) -> None:
        """What is counted where a provider was asked."""
        provider, model = cell.spender[:2]
        cell.spends = True
        ai = operation, self._naming.system(provider), model
        cell.input, cell.output = self.tokens(cell, "input"), self.tokens(cell, "output")
        cell.cost = self._values(cell, "gateway_cost_dollars_total", cell.spender)
        cell.prompts = self._values(cell, "gen_ai_client_token_usage", (*ai, "input"))
        cell.completions = self._values(cell, "gen_ai_client_token_usage", (*ai, "output"))
        if record.stream and not record.cached:  # else it was not the provider that began so soon
            names = "gateway_time_to_first_token_seconds", "gen_ai_server_time_to_first_token_seconds"
            cell.first = self._values(cell, names[0], (provider, model)), self._values(cell, names[1], ai)
            names = "gateway_time_per_output_token_seconds", "gen_ai_server_time_per_output_token_seconds"
            cell.per_token = self._values(cell, names[0], (provider, model)), self._values(cell, names[1], ai)

    def _served(self, record: Ended) -> tuple[str, str]:
        """Labels of the provider and the model: who answered, was asked last, or nobody."""
        if record.provider:
            return record.provider, self._naming.model(record.provider, record.served, answered=True)
        provider, model = record.unusual.asked if record.unusual is not None else ("", "")
        if provider:
            return provider, self._naming.model(provider, model, answered=False)
        return NONE, self._naming.asked(record.model) if record.model else UNKNOWN

    def _values(self, cell: Cell, family: str, labels: Labels) -> _Values:
        series = self._counts.series(family, labels)
        cell.series.append(series)
        cell.folded = cell.folded or series.labels != labels
        return series.values
