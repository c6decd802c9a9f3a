"""Cases of slo.yml: how fast an error budget is used up, over long windows and short ones."""

from __future__ import annotations

from monitoring.cases import PROD, Case

DAY = 1440
AVAILABILITY = {"namespace": "prod", "slo": "availability"}
LATENCY = {"namespace": "prod", "slo": "latency"}
OVERHEAD = {"namespace": "prod", "slo": "overhead"}
FAST, SLOW, DAYS, WEEKS = ({"window": window} for window in ("1h", "6h", "1d", "3d"))


def answered(bad: float, minutes: int, *, then: float | None = None) -> dict[str, str]:
    """Of 1,000 requests a minute `bad` fail, and after that `then`, for as long again."""
    last = bad * minutes
    more = "" if then is None else f" {last:g}+{then:g}x{minutes}"
    good = 2 * minutes if then is not None else minutes
    return {
        f'gateway_requests_total{{{PROD},status="500"}}': f"0+{bad:g}x{minutes}{more}",
        f'gateway_requests_total{{{PROD},status="200"}}': f"0+{1000 - bad:g}x{good}",
    }


def not_cached(some: float, minutes: int) -> dict[str, str]:
    """Of 1,000 requests a minute so many wanted a kept answer or none, and got none."""
    return {series.replace('="500"', '="504",provider="cache"'): values for series, values in answered(some, minutes).items()}


def streams(late: float, minutes: int) -> dict[str, str]:
    """Of 1,000 streams a minute `late` begin after 5 s."""
    name = "gateway_time_to_first_token_seconds"
    return {
        f'gateway_request_duration_seconds_count{{{PROD},stream="true"}}': f"0+1000x{minutes}",
        f'{name}_bucket{{{PROD},le="5.0"}}': f"0+{1000 - late:g}x{minutes}",
        f"{name}_count{{{PROD}}}": f"0+1000x{minutes}",
    }


def whole(late: float, minutes: int) -> dict[str, str]:
    """Of 1,000 whole answers a minute `late` take over 10 s."""
    name = "gateway_request_duration_seconds"
    return {
        f'{name}_bucket{{{PROD},stream="false",le="10.0"}}': f"0+{1000 - late:g}x{minutes}",
        f'{name}_count{{{PROD},stream="false"}}': f"0+1000x{minutes}",
    }


def own(late: float, minutes: int) -> dict[str, str]:
    """Of 1,000 requests a minute `late` are held up for over 10 ms."""
    name = "gateway_overhead_seconds"
    return {f'{name}_bucket{{{PROD},le="0.01"}}': f"0+{1000 - late:g}x{minutes}", f"{name}_count{{{PROD}}}": f"0+1000x{minutes}"}


def windows(labels: dict[str, str], *which: dict[str, str]) -> tuple[dict[str, str], ...]:
    return tuple({**labels, **window} for window in which)


def suddenly(bad: float, good: int, minutes: int) -> dict[str, str]:
    """Nothing fails, and then of 1,000 requests a minute `bad` do."""
    return {
        f'gateway_requests_total{{{PROD},status="500"}}': f"0x{good} 0+{bad:g}x{minutes}",
        f'gateway_requests_total{{{PROD},status="200"}}': f"0+1000x{good} {1000 * (good + 1)}+{1000 - bad:g}x{minutes}",
    }


EVERY = (FAST, SLOW, DAYS, WEEKS)
# Where there is no more than two hours of history, long windows see what short ones see.
CASES = (
    # 2 % fail: 20 times what is allowed. 1 %, 10 times. 0.4 % and 0.2 %: tickets. 0.05 %: half of what is allowed.
    Case("ErrorBudgetBurn", answered(20, 120), "110m", windows(AVAILABILITY, *EVERY)),
    Case("ErrorBudgetBurn", answered(10, 120), "110m", windows(AVAILABILITY, SLOW, DAYS, WEEKS)),
    Case("ErrorBudgetBurn", answered(4, 120), "110m", windows(AVAILABILITY, DAYS, WEEKS)),
    Case("ErrorBudgetBurn", answered(2, 120), "110m", windows(AVAILABILITY, WEEKS)),
    Case("ErrorBudgetBurn", answered(0.5, 120), "110m"),
    # Who wants what is kept or nothing may get nothing.
    Case("ErrorBudgetBurn", not_cached(20, 120), "110m"),
    # After a good day an hour is enough to wake somebody, and too little for the longer windows.
    Case("ErrorBudgetBurn", suddenly(20, DAY, 70), "1500m", windows(AVAILABILITY, FAST)),
    # After a good day nobody is woken for ten minutes.
    Case("ErrorBudgetBurn", suddenly(20, DAY, 10), "1450m"),
    # It was bad, and is good again for half an hour: nobody is woken any more; a ticket stays.
    Case("ErrorBudgetBurn", answered(20, 30, then=0), "1h", windows(AVAILABILITY, DAYS)),
    # Of latency and overhead 1 % is allowed.
    Case("ErrorBudgetBurn", whole(200, 120), "110m", windows(LATENCY, *EVERY)),
    Case("ErrorBudgetBurn", streams(200, 120), "110m", windows(LATENCY, *EVERY)),
    Case("ErrorBudgetBurn", {**whole(5, 120), **streams(5, 120)}, "110m"),
    Case("ErrorBudgetBurn", own(200, 120), "110m", windows(OVERHEAD, *EVERY)),
    Case("ErrorBudgetBurn", own(5, 120), "110m"),
)
