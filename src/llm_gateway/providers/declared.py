"""Provider types as data: the files in declared/, and the section `provider_types` of a configuration, same members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from msgspec.inspect import StructType
from msgspec.structs import replace

from llm_gateway.config.bind import Binder, struct_info
from llm_gateway.config.declared import check_dialects
from llm_gateway.config.errors import Problems
from llm_gateway.config.schema import DeclaredType, EndpointPlace, PrefillWay, Quirks
from llm_gateway.config.yaml_tree import Unreadable, read_yaml
from llm_gateway.dialects.base import Prefill, Target
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.base import Endpoint, ProviderType, Sign, bearer

FOLDER = Path(__file__).with_suffix("")


def read_folder(folder: Path = FOLDER) -> tuple[ProviderType, ...]:
    """The types of every `NAME.yaml`, by name. Raises ConfigErrors with everything that is wrong in any of them."""
    problems = Problems()
    info = struct_info(DeclaredType)
    found = [_read(file, info, problems) for file in sorted(folder.glob("*.yaml"))]
    problems.raise_if_any()
    return tuple(provider_type(name, declared) for name, declared in found if declared is not None)


def provider_type(name: str, declared: DeclaredType) -> ProviderType:
    """What was declared, in the form that the gateway works with."""
    account = declared.account_headers
    known = {"organization": account.organization, "project": account.project, "api_version": account.api_version}
    return ProviderType(
        name=name,
        title=declared.title or name,
        docs=declared.docs or "",
        endpoints={dialect: _endpoint(place) for dialect, place in declared.endpoints.items()},
        base_url=declared.base_url,
        key_variable=declared.key_variable,
        key_required=declared.key_required,
        sign=_sign(declared.auth.scheme, declared.auth.header),
        account_headers={key: header for key, header in known.items() if header is not None},
        headers={header: value.reveal() for header, value in declared.headers.items()},
        forwarded=tuple(header.lower().encode("ascii") for header in declared.forwarded),
        target=_target(declared.quirks),
        version=declared.version,
        models_path=declared.models_path,
    )


def _read(file: Path, info: StructType, problems: Problems) -> tuple[str, DeclaredType | None]:
    try:
        root = read_yaml(file.read_text("utf-8"), str(file), problems)
    except Unreadable as error:
        problems.add(error.where, (), error.message, error.suggestion)
        return file.stem, None
    declared: DeclaredType | None = Binder(problems, {}).bind(info, root)
    if declared is not None:
        check_dialects(declared, root, (), problems, DIALECTS)
    return file.stem, declared


def _endpoint(place: EndpointPlace) -> str | Endpoint:
    return place.path if place.stream_path is None else Endpoint(place.path, place.stream_path)


def _sign(scheme: str | None, header: str | None) -> Sign:
    return bearer if scheme is not None or header is None else partial(_bare_key, header)


def _bare_key(header: str, key: str) -> Mapping[str, str]:
    return {header: key}


def _target(quirks: Quirks) -> Callable[[str], Target]:
    told = Target(
        "",
        max_tokens_field=quirks.max_tokens_field,
        developer_role=quirks.developer_role,
        default_max_tokens=quirks.default_max_tokens,
        reasoning_field=quirks.reasoning_field,
        sampling=frozenset(quirks.sampling),
        thinking_switch=quirks.thinking_switch,
        guided=quirks.guided,
        stream_usage=quirks.stream_usage,
        prefill=None if quirks.prefill is None else _prefill(quirks.prefill),
    )
    return lambda model: replace(told, model=model)


def _prefill(way: PrefillWay) -> Prefill:
    dialects = frozenset({"openai_chat"})
    return Prefill(dialects, way.message or "", tuple(way.members.items()), way.path or "", way.repeats)
