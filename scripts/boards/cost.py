"""Who spends what, on what, and who is refused."""

from __future__ import annotations

from boards.panel import GREEN, LEDGER, ORANGE, RED, Board, Panel, Row, number, table

HERE = 'namespace=~"$namespace",tenant=~"$tenant"'
NODE = 'namespace=~"$namespace"'
TOKENS = f"rate(gateway_tokens_total{{{HERE}}}[$__rate_interval])"

SPENT = Row(
    "Spent",
    (
        number(
            "In this time",
            f"sum(increase(gateway_cost_dollars_total{{{HERE}}}[$__range]))",
            "All that is chosen above.",
            "currencyUSD",
        ),
        number(
            "Per hour",
            f"sum(rate(gateway_cost_dollars_total{{{HERE}}}[$__rate_interval])) * 3600",
            "At the rate of this moment.",
            "currencyUSD",
        ),
        number(
            "In 30 days",
            f"sum(rate(gateway_cost_dollars_total{{{HERE}}}[$__range])) * 2592000",
            "If it goes on as in the time that is chosen above. An extrapolation, not a bill.",
            "currencyUSD",
        ),
        number(
            "Per 1,000 requests",
            f"1000 * sum(rate(gateway_cost_dollars_total{{{HERE}}}[$__range])) / (sum(rate(gateway_requests_total{{{HERE}}}[$__range])) > 0)",
            "Mean.",
            "currencyUSD",
        ),
        number(
            "Read from caches",
            f'(sum(rate(gateway_tokens_total{{{HERE},type="cache_read"}}[$__range])) or vector(0))'
            f' / (sum(rate(gateway_tokens_total{{{HERE},type=~"input|cache_read|cache_write"}}[$__range])) > 0)',
            "Of all input tokens: what providers' prompt caches saved. A sudden fall is worth a look.",
            "percentunit",
        ),
        number(
            "Without a price",
            f"sum(increase(gateway_ledger_unpriced_total{{{NODE}}}[$__range]))",
            "Requests that used what has no price; they count as 0 dollars. All tenants.",
            thresholds=((None, GREEN), (1, ORANGE)),
        ),
    ),
)
WHO = Row(
    "By whom and for what",
    (
        Panel(
            "By tenant",
            {"{{tenant}}": f"topk(10, sum by (tenant) (rate(gateway_cost_dollars_total{{{HERE}}}[$__rate_interval]))) * 3600"},
            "Dollars per hour; the ten that spend most.",
            "currencyUSD",
            stack=True,
        ),
        Panel(
            "By provider",
            {"{{provider}}": f"sum by (provider) (rate(gateway_cost_dollars_total{{{HERE}}}[$__rate_interval])) * 3600"},
            "Dollars per hour.",
            "currencyUSD",
            stack=True,
        ),
        Panel(
            "By model",
            {"{{model}}": f"topk(10, sum by (model) (rate(gateway_cost_dollars_total{{{HERE}}}[$__rate_interval]))) * 3600"},
            "Dollars per hour; the ten that cost most.",
            "currencyUSD",
            stack=True,
        ),
        table(
            "Tenants",
            f"sort_desc(sum by (tenant) (increase(gateway_cost_dollars_total{{{HERE}}}[$__range])))",
            "Dollars in the time that is chosen. By key, project and day: GET /admin/v1/costs.",
            "currencyUSD",
        ),
        table(
            "Models",
            f"sort_desc(sum by (provider, model) (increase(gateway_cost_dollars_total{{{HERE}}}[$__range])))",
            "Dollars in the time that is chosen.",
            "currencyUSD",
        ),
        table(
            "Dollars per million tokens",
            f"1e6 * sum by (provider, model) (increase(gateway_cost_dollars_total{{{HERE}}}[$__range]))"
            f" / (sum by (provider, model) (increase(gateway_tokens_total{{{HERE}}}[$__range])) > 0)",
            "What was really paid, all types of tokens together.",
            "currencyUSD",
        ),
    ),
)
USED = Row(
    "Used",
    (
        Panel("Tokens by type", {"{{type}}": f"sum by (type) ({TOKENS})"}, "Per second; each token is of one type.", stack=True),
        Panel("Tokens by tenant", {"{{tenant}}": f"topk(10, sum by (tenant) ({TOKENS}))"}, "Per second.", stack=True),
        Panel(
            "Requests by tenant",
            {"{{tenant}}": f"topk(10, sum by (tenant) (rate(gateway_requests_total{{{HERE}}}[$__rate_interval])))"},
            "Whatever their status.",
            "reqps",
            stack=True,
        ),
    ),
)
REFUSED = Row(
    "Refused",
    (
        Panel(
            "For limits",
            {
                "{{tenant}} {{kind}}": (
                    f"topk(10, sum by (tenant, kind) (rate(gateway_rate_limit_exceeded_total{{{HERE}}}[$__rate_interval])))"
                )
            },
            "By what was used up. Alert RateLimitExceeded from 10 a second on.",
            "reqps",
        ),
        Panel(
            "For budgets",
            {"{{tenant}}": f"topk(10, sum by (tenant) (rate(gateway_budget_refused_total{{{HERE}}}[$__rate_interval])))"},
            "A budget is spent.",
            "reqps",
        ),
        Panel(
            "Thresholds passed",
            {"{{scope}}": f"sum by (scope) (increase(gateway_budget_alerts_total{{{NODE}}}[1h]))"},
            "Of budgets, within an hour. The log of control says of which.",
        ),
    ),
)
BOOKS = Row(
    "The books",
    (
        Panel(
            "Ledger behind",
            {"{{instance}}": f"gateway_ledger_backlog_seconds{{{NODE}}}"},
            "Since everything on disk was in the database, too.",
            "s",
            thresholds=((None, GREEN), (300, RED)),
            needs=LEDGER,
        ),
        Panel(
            "Estimated, without price, lost",
            {
                "estimated": f"sum(rate(gateway_ledger_estimated_total{{{NODE}}}[$__rate_interval]))",
                "without price": f"sum(rate(gateway_ledger_unpriced_total{{{NODE}}}[$__rate_interval]))",
                "lost": f"sum(rate(gateway_ledger_records_lost_total{{{NODE}}}[$__rate_interval])) or vector(0)",
            },
            "Requests whose usage is not exactly what a provider said. Lost must be 0.",
            "reqps",
        ),
        Panel(
            "Reservations held",
            {
                "reservations": f"sum(gateway_reservations_held{{{NODE}}})",
                "requests": f"sum(gateway_active_requests{{{NODE}}})",
            },
            "Requests that hold money, tokens or places, beside those that run.",
        ),
    ),
)
BOARD = Board(
    "llm-gateway-cost",
    "LLM gateway: cost and tenants",
    "Who spends what, on what, and who is refused.",
    (SPENT, WHO, USED, REFUSED, BOOKS),
    {"namespace": "gateway_requests_total", "tenant": "gateway_requests_total"},
)
