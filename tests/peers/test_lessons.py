"""What others' users suffered from with budgets, limits and accounts, and the test here that would have caught it.

By repository and issue (L LiteLLM, B Bifrost, E Envoy AI Gateway, A agentgateway, N new-api, O otari, TZ TensorZero).
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

BUDGETS = {
    "L#34732, #40095, #11083, #40020: check, then act": (
        "limits/test_limiter.py::test_a_budget_for_one_call_and_50_streams",
        "limits/test_limiter.py::test_end_users_known_and_unknown",
        "faults/test_spending.py::test_streams_at_once_cannot_share_the_last_dollar",
    ),
    "L#26672: budget ignored": (
        "limits/test_limiter_running.py::test_a_hard_budget_is_not_overspent_beyond_the_slack",
        "e2e/test_budget_race.py::test_a_hard_budget_holds",
    ),
    "L#33325: a local value before the authority's": ("limits/test_redis_book.py::test_race_over_processes",),
    "L#34238: a limit rebuilt from a cache": (
        "limits/test_redis_book.py::test_seeds_by_version",
        "limits/test_alone.py::test_outages_one_after_the_other_allow_parts_of_what_is_left_then",
    ),
    "L#28247, #30460: rebuilt by several, N times as much": (
        "limits/test_redis_book.py::test_seeds_by_version",
        "limits/test_redis_book_away.py::test_data_flushed",
        "control/ledger/test_budgets.py::test_several_control_processes_fold_the_same_budgets",
    ),
    "L#42653: asked once at boot": (
        "limits/test_redis_book_away.py::test_starts_without_redis",
        "limits/test_redis_book_away.py::test_restart_in_the_middle",
    ),
    "L PR#39410, PR#30661, PR#32635: no coordination, silently": (
        "config/test_allowances.py::test_several_workers_need_redis_where_something_is_limited",
        "control/configuring/test_resources.py::test_limits_that_several_workers_cannot_count_are_refused",
    ),
    "L#38647, PR#27509: worst-case reservations pin the counter": (
        "limits/test_limiter.py::test_a_reservation_is_what_such_requests_used",
        "e2e/test_budget_race.py::test_a_hard_budget_holds",
    ),
    "L PR#40002: reserved and settled at different prices": (
        "limits/test_limiter.py::test_reserved_and_settled_at_the_same_prices",
    ),
    "L#27735: blocked, and nobody can see why": (
        "limits/test_answers.py::test_402_is_for_money_that_is_spent",
        "faults/test_spending.py::test_streams_at_once_cannot_share_the_last_dollar",
    ),
    "L#40291, #10555: tokens counted per replica": ("limits/test_redis_book.py::test_race_over_processes",),
    "L#32232: a proxy that lets no scripts through": ("limits/test_redis_book_away.py::test_scripts_forbidden",),
    "L#5783: counters of parallel requests leak": (
        "limits/test_memory.py::test_a_request_that_never_ends_frees_what_it_held",
        "limits/test_redis_book.py::test_leases_end",
        "faults/test_spending.py::test_places_are_free_again_whatever_happens",
    ),
    "B#3547: state of each replica for itself": ("faults/test_spending.py::test_a_rate_lets_exactly_so_many_by",),
    "B#2873: passthrough bypasses budgets": ("faults/test_spending.py::test_a_path_of_the_providers_own_is_paid_for",),
    "B#5673: a field is accepted and not kept": ("config/test_every_key_is_read.py::test_every_key_is_read",),
    "E#680, #1786, #2248, #2394, #1754: no usage, no cost": (
        "faults/test_spending.py::test_an_answer_without_usage_costs_what_was_written",
        "accounting/test_bills.py::test_usage_that_is_missing_or_cannot_be",
    ),
    "A website PR#962: charged after it is over, or never": (
        "limits/test_limiter_running.py::test_a_budget_that_cuts_ends_the_stream",
        "limits/test_limiter_running.py::test_a_running_stream_reserves_ahead",
    ),
    "N#6609, #6607, 1#2440: requests at once overdraw": (
        "store/test_budgets.py::test_nothing_is_lost_between_writers",
        "limits/test_memory.py::test_nothing_is_lost_or_doubled",
    ),
    "N#4168, #5235, #5289, PR#5291: aborted streams charged too much, then nothing": (
        "faults/test_spending.py::test_leaving_before_the_usage_comes_costs_what_was_written",
        "accounting/test_bills.py::test_a_caller_who_leaves_before_usage_comes",
    ),
    "membrane/api-gateway PR#3209 and others: budgets are soft": ("e2e/test_budget_race.py::test_a_hard_budget_holds",),
    "wso2/api-platform#2932: one for each request in the place of tokens": ("limits/test_limiter.py::test_units_are_told_apart",),
    "munder-difflin#189: cached tokens count as all others": (
        "limits/test_limiter.py::test_units_are_told_apart",
        "limits/test_compile.py::test_every_kind_of_limit",
    ),
}

ACCOUNTS = {
    "L#9812, #5443, #11364, #40006, PR#31282: cached tokens billed twice": (
        "dialects/openai_chat/test_usage.py::test_details_are_taken_out_of_their_totals",
        "catalogue/test_prices.py::test_every_class_at_its_own_rate",
        "snapshot/test_costs.py::test_the_configurations_prices",
    ),
    "L v1.102.4: logged twice by a bridge": (
        "accounting/test_entries.py::test_it_ends_once",
        "accounting/test_entries.py::test_both_sides_of_a_race_are_one_request",
    ),
    "L#28376, #39749, #35563, #6633, PR#41273: another's id as the primary key": (
        "store/test_ledger.py::test_what_comes_again_is_there_once",
        "store/test_ledger.py::test_no_row_can_stop_the_others",
    ),
    "L#13280, #27519: rows missing, counters reset": (
        "accounting/test_wal.py::test_killed_at_any_moment",
        "store/test_rollups.py::test_a_day_can_be_made_anew",
        "control/ledger/test_budgets.py::test_differences_are_found_and_mended",
        "e2e/test_store_outage.py::test_nobody_who_asks_notices",
    ),
    "L#33210, PR#33351: what passes through is lost": ("faults/test_spending.py::test_a_path_of_the_providers_own_is_paid_for",),
    "L#35958, PR#36008, PR#30630: interrupted streams unlogged": (
        "accounting/test_fold.py::test_a_request_whose_worker_died_is_interrupted",
        "accounting/test_entries.py::test_an_intent_stands_before_the_attempt",
        "test_pipeline_endings.py::test_every_ending_is_recorded_once",
    ),
    "L#31866, #35766: rows fought for, a database on the hot path": (
        "store/test_connect.py::test_two_that_block_each_other_both_get_done",
        "e2e/test_store_outage.py::test_nobody_who_asks_notices",
    ),
    "L PR#35931: looked for, then inserted": (
        "store/test_ledger.py::test_an_outcome_wins_over_a_guess_in_every_order",
        "control/ledger/test_shipper.py::test_a_transaction_whose_end_nobody_saw",
    ),
    "L#27588: prices differ from the bill": (
        "accounting/test_bills.py::test_what_the_provider_says_goes_first",
        "dialects/openai_chat/test_usage.py::test_what_a_provider_says_it_costs",
        "accounting/test_bills.py::test_the_tier_that_answered",
    ),
    "L v1.108: for nothing, though it has a price": (
        "accounting/test_bills.py::test_models_without_prices_are_told",
        "accounting/test_bills.py::test_prices_of_nothing_are_told",
        "catalogue/test_prices.py::test_batch_and_other_processing",
    ),
    "B#904, #3451, #5243, PR#5669: three times as much": (
        "catalogue/test_prices.py::test_the_same_prices_as_the_source",
        "dialects/openai_chat/test_usage.py::test_disjoint_classes_survive_the_way_there_and_back",
    ),
    "O#256: streamed messages metered as nothing": (
        "faults/test_spending.py::test_an_answer_without_usage_costs_what_was_written",
        "dialects/test_metering.py::test_anthropics_stream_says_it_at_both_ends",
    ),
    "A 1.5: the meaning of a column changed": (
        "store/test_entries.py::test_columns_are_fields",
        "accounting/test_records.py::test_other_versions_are_understood",
    ),
    "computesdk/benchmarks PR#215: the first usage taken for the last": (
        "accounting/test_bills.py::test_the_last_usage_of_a_cut_stream_is_believed",
        "dialects/test_metering.py::test_anthropics_stream_says_it_at_both_ends",
    ),
    "dam#2876, obot#7515: nobody sees what one request cost": (
        "accounting/test_fold.py::test_an_intent_and_its_outcome_are_a_row",
        "store/test_usage.py::test_sums_are_those_of_the_rows",
    ),
}
"""TZ#1791 (usage of answers from a cache) waits for the cache."""

ALL = sorted({node for table in (BUDGETS, ACCOUNTS) for nodes in table.values() for node in nodes})


@functools.cache
def functions(file: Path) -> frozenset[str]:
    """Names of the tests in it."""
    tree = ast.parse(file.read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("node", ALL)
def test_the_test_is_there(node: str) -> None:
    """A lesson whose test was renamed or removed is a lesson that was forgotten."""
    file, _, name = node.partition("::")
    assert name in functions(TESTS / file)
