"""What the renderers of embedding requests share: texts out of inputs, and what is left out, by the caller's own path."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from llm_gateway.core.chat import Image
from llm_gateway.core.embeddings import EmbeddingsRequest, Mixed, NumberType
from llm_gateway.core.errors import Unsupported

MEMBERS = ("dimensions", "user", "task", "title", "truncate")
"""Members that a provider may do without. Not the number type: other numbers than asked for are no answer."""


def texts(request: EmbeddingsRequest, provider: str) -> list[str]:
    """The inputs, for a provider that takes texts only. Raises Unsupported with the path of the first that is none."""
    out = []
    for index, item in enumerate(request.inputs):
        text = item.text if isinstance(item, Mixed) else item
        if isinstance(text, tuple):
            raise Unsupported(f"{provider} takes texts, not tokens.", param=request.input_place(index))
        if text is None:
            raise Unsupported(f"{provider} embeds no pictures.", param=request.input_place(index))
        out.append(text)
    return out


def check_number_type(request: EmbeddingsRequest, provider: str, known: Collection[NumberType] = ()) -> None:
    """Raises Unsupported for numbers that the provider does not make."""
    if request.number_type is not None and request.number_type not in known:
        raise Unsupported(
            f"{provider} has no embeddings of type {request.number_type} that could be carried.",
            param=request.place("number_type"),
        )


def dropped(request: EmbeddingsRequest, taken: Iterable[str], *, extra: bool = True) -> list[str]:
    """What the caller said and a provider is not told: everything but the members `taken`, and the `extra` ones."""
    kept = frozenset(taken)
    lost = [request.place(name) for name in MEMBERS if name not in kept and getattr(request, name) is not None]
    return lost + (list(request.extra) if extra else [])


def data_url(image: Image, place: str) -> str:
    """The picture as a URL. Raises Unsupported for one that is only named."""
    if image.url is not None:
        return image.url
    if image.data is None:
        raise Unsupported("A stored file means nothing to another provider.", param=place)
    return f"data:{image.media_type or 'image/png'};base64,{image.data}"
