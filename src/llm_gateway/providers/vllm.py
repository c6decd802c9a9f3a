"""vLLM's OpenAI-compatible server (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html)."""

from __future__ import annotations

from llm_gateway.dialects.base import Prefill, Target
from llm_gateway.providers.base import ProviderType


def target(model: str) -> Target:
    """Earlier reasoning is taken back in `reasoning_content`, thinking is switched by the chat template's own variables."""
    sampling = frozenset({"top_k", "min_p", "repetition_penalty"})
    prefill = Prefill(frozenset({"openai_chat"}), members=(("continue_final_message", True), ("add_generation_prompt", False)))
    return Target(
        model, reasoning_field="reasoning_content", sampling=sampling, thinking_switch=True, guided=True, prefill=prefill
    )


VLLM = ProviderType(
    name="vllm",
    title="vLLM",
    base_url="http://localhost:8000/v1",
    key_variable="VLLM_API_KEY",
    key_required=False,
    endpoints={
        "openai_chat": "/chat/completions",
        "openai_completions": "/completions",
        "embeddings": "/embeddings",
        "rerank": "/rerank",
        "openai_transcriptions": "/audio/transcriptions",
        "openai_translations": "/audio/translations",
    },
    target=target,
    health_path="/health",
    options=frozenset({"load_every"}),
)
