"""What renderers call the members of a request that they cannot carry, by the JSON paths of each caller's dialect.

Renderers name parts of messages by the caller's own paths, which the neutral form keeps. Scalars have one name there, which is
mostly that of OpenAI's Chat Completions: these tables say what the others call them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_SAMPLING: Mapping[str, str] = MappingProxyType(
    {
        "temperature": "temperature",
        "top_p": "topP",
        "top_k": "topK",
        "seed": "seed",
        "n": "candidateCount",
        "max_tokens": "maxOutputTokens",
        "stop": "stopSequences",
        "presence_penalty": "presencePenalty",
        "frequency_penalty": "frequencyPenalty",
        "logprobs": "responseLogprobs",
        "top_logprobs": "logprobs",
        "response_format": "responseMimeType",
        "reasoning": "thinkingConfig",
        "reasoning_effort": "thinkingConfig.thinkingLevel",
        "reasoning.max_tokens": "thinkingConfig.thinkingBudget",
        "thinking": "thinkingConfig",
        "thinking.budget_tokens": "thinkingConfig.thinkingBudget",
        "thinking.display": "thinkingConfig.includeThoughts",
    }
)
GEMINI: Mapping[str, str] = MappingProxyType(
    {
        **{name: f"generationConfig.{own}" for name, own in _SAMPLING.items()},
        "tool_choice": "toolConfig.functionCallingConfig",
        "metadata": "labels",
    }
)
OLLAMA: Mapping[str, str] = MappingProxyType(
    {
        **{
            name: f"options.{name}"
            for name in ("temperature", "top_p", "top_k", "seed", "stop", "presence_penalty", "frequency_penalty")
        },
        "max_tokens": "options.num_predict",
        "response_format": "format",
        "reasoning": "think",
        "reasoning_effort": "think",
        "thinking": "think",
    }
)
RESPONSES: Mapping[str, str] = MappingProxyType(
    {
        "max_tokens": "max_output_tokens",
        "response_format": "text.format",
        "response_format.json_schema.description": "text.format.description",
        "response_format.json_schema.strict": "text.format.strict",
        "reasoning_effort": "reasoning.effort",
        "thinking": "reasoning",
        "logprobs": "include",
    }
)
ANTHROPIC: Mapping[str, str] = MappingProxyType(
    {
        "stop": "stop_sequences",
        "user": "metadata.user_id",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
        "response_format": "output_config.format",
        "reasoning": "thinking",
        "reasoning_effort": "output_config.effort",
    }
)
