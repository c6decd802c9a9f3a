"""llm-gateway: the gateway between applications and LLM providers."""

from llm_gateway._version import __version__

__all__ = ["__version__"]
