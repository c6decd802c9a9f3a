"""What LangChain's chat models are given in these tests, and what they leave behind."""

from __future__ import annotations

from types import ModuleType

from pydantic import BaseModel, Field


class City(BaseModel):
    """A city."""

    name: str = Field(description="its name")
    people: int = Field(description="how many live there")


def weather(city: str, days: int) -> str:
    """The weather of a city for some days."""
    return f"sun in {city} for {days} days"


def forget_cached_clients(*modules: ModuleType) -> None:
    """LangChain's packages keep their HTTP clients in a cache: a closed one must not come back for the next test."""
    for module in modules:
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
