"""What only shows when the sections are read together: names that must exist, routes that must end, and who may call."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from llm_gateway.config.allowances import check_allowances
from llm_gateway.config.errors import Path, Problems, did_you_mean, one_of, shown
from llm_gateway.config.recognised import check_granted
from llm_gateway.config.rules import check_rules
from llm_gateway.config.schema import Alias, ApiKey, Sections
from llm_gateway.config.schema.auth import ANONYMOUS
from llm_gateway.config.tenancy import Checks, check_tenants
from llm_gateway.config.tree import Node, locate

_LONGEST_NAME = 256


class References:
    """Checks one configuration; `root` tells where things were written. Fields that failed before are None and passed over."""

    def __init__(self, sections: Sections, root: Node, problems: Problems) -> None:
        self._sections = sections
        self._root = root
        self._problems = problems
        self._aliases = {name: alias for name, alias in sections.models.items() if alias is not None}
        self._providers = sections.providers

    def check(self) -> None:
        """Note everything that does not fit together."""
        for name in self._sections.models:
            self._alias_name(name)
        for name, alias in self._aliases.items():
            self._deployments(name, alias)
            self._fallbacks(name, alias)
            self._never_asked(name, alias)
        self._limits()
        self._cycles()
        self._known_models()
        self._keys()
        self._relayed()
        self._openness()
        self._admin()
        self._shared_answers()
        check_rules(self._sections, self._root, self._problems, self._route)
        checks = Checks(self._route, self._allowed, self._provider_named, self._region)
        check_tenants(self._sections, self._root, self._problems, checks)
        check_granted(self._sections, self._root, self._problems, checks)
        check_allowances(self._sections, self._root, self._problems, self._route)

    def _shared_answers(self) -> None:
        if self._sections.cache.backend == "redis" and self._sections.redis is None:
            self._note(
                ("cache", "backend"),
                "keeps answers in the Redis of redis.url, and there is none",
                "set redis.url, or cache.backend: memory",
            )

    def _note(self, path: Path, message: str, suggestion: str = "") -> None:
        node, written = locate(self._root, path)
        self._problems.add(node.where, written, message, suggestion)

    def _quoted(self, path: Path, text: str) -> str:
        """What stands at `path` as it may be shown: not at all if it came from outside the file."""
        node, _ = locate(self._root, path)
        return "of this name" if node.origin else f'"{shown(text)}"'

    def _alias_name(self, name: str) -> None:
        if not name or len(name) > _LONGEST_NAME or any(c <= " " or c == "\x7f" for c in name) or not _encodable(name):
            self._note(("models", name), f"a model name has 1 to {_LONGEST_NAME} characters and no spaces")
        provider = name.partition("/")[0]
        if "/" in name and provider in self._providers:
            self._note(
                ("models", name), f'would hide this model of the provider "{shown(provider)}"', "give the alias another name"
            )

    def _deployments(self, name: str, alias: Alias) -> None:
        seen: dict[str, int] = {}
        for index, deployment in enumerate(alias.deployments or ()):
            if deployment is None or not deployment.model:
                continue
            path = ("models", name, "deployments", index, "model")
            if deployment.model in seen:
                self._note(path, f"is the same deployment as entry {seen[deployment.model]}", "remove one of them")
            seen.setdefault(deployment.model, index)
            if deployment.model in self._aliases and deployment.provider not in self._providers:
                self._note(path, "names an alias; a deployment is provider/model", "put the alias into fallback")
            else:
                self._target(path, deployment.model, self._providers)

    def _limits(self) -> None:
        """A deployment has one limit of each kind, under whatever names it is served."""
        said: dict[tuple[str, str], tuple[object, str]] = {}
        for name, alias in self._aliases.items():
            for index, deployment in enumerate(alias.deployments or ()):
                if deployment is None or not deployment.model:
                    continue
                for key, own in (("max_concurrent", deployment.max_concurrent), ("rate_limit", deployment.rate_limit)):
                    limit, first = said.setdefault((deployment.model, key), (own, name)) if own is not None else (None, "")
                    if own is not None and limit != own:
                        what = limit if isinstance(limit, int) else "another one"
                        path = ("models", name, "deployments", index, key)
                        self._note(
                            path, f"is {what} in models.{shown(first)}", "say it once: it holds for the deployment everywhere"
                        )

    def _fallbacks(self, name: str, alias: Alias) -> None:
        for index, target in enumerate(alias.fallback or ()):
            self._route(("models", name, "fallback", index), target)

    def _route(self, path: Path, target: str | None) -> None:
        """An alias, or a `provider/model`."""
        if target and target not in self._aliases:
            self._target(path, target, [*self._aliases, *self._providers])

    def _target(self, path: Path, target: str, names: Iterable[str]) -> None:
        """A `provider/model` whose provider must exist and be enabled."""
        provider, slash, model = target.partition("/")
        if slash and not model:
            self._note(path, "names no model behind the slash", "write provider/model")
        elif provider not in self._providers:
            what = (
                "alias or provider"
                if not slash and path[0] in ("models", "routing") and "deployments" not in path
                else "provider"
            )
            hint = did_you_mean(provider, names) or (one_of(names) if slash else "write provider/model")
            self._note(path, f"there is no {what} {self._quoted(path, provider)}", hint)
        elif not slash:
            self._note(path, "names a provider, but no model", "write provider/model")
        elif self._providers[provider] is not None and self._providers[provider].enabled is False:
            self._note(
                path, f'the provider "{shown(provider)}" is disabled', f"enable providers.{shown(provider)} or remove this"
            )

    def _never_asked(self, name: str, alias: Alias) -> None:
        """Fallbacks all of whose deployments come before them could never be asked."""
        placed = {deployment.model for deployment in alias.deployments or () if deployment is not None}
        for index, target in enumerate(alias.fallback or ()):
            other = self._aliases.get(target)
            found = {target} if other is None else {one.model for one in other.deployments or () if one is not None}
            if target != name and found and found <= placed and not (other and other.fallback):
                path = ("models", name, "fallback", index)
                self._note(path, "can never be asked: what it stands for comes before it", "remove it")
            placed |= found

    def _cycles(self) -> None:
        """Each ring of fallbacks is told once, where it closes."""
        done: set[str] = set()
        for start in self._aliases:
            trail: list[str] = []
            walk: list[tuple[str, int]] = [(start, 0)]  # an explicit stack: a chain may be longer than Python's
            while walk:
                name, index = walk.pop()
                if index == 0:
                    trail.append(name)
                targets = self._aliases[name].fallback or ()
                if name in done or index >= len(targets):
                    done.add(name)
                    trail.pop()
                    continue
                walk.append((name, index + 1))
                target = targets[index]
                if target in trail:
                    ring = " -> ".join(shown(one) for one in [*trail[trail.index(target) :], target])
                    self._note(("models", name, "fallback", index), f"comes back to itself: {ring}")
                elif target in self._aliases and target not in done:
                    walk.append((target, 0))

    def _known_models(self) -> None:
        """What the catalogue is told is told of a provider's models, not of an alias."""
        for name in self._sections.catalogue.models:
            provider, slash, model = name.partition("/")
            path = ("catalogue", "models", name)
            if provider not in self._providers:
                hint = did_you_mean(provider, self._providers) or one_of(self._providers) or "write provider/model"
                self._note(path, "names no provider that there is", hint)
            elif not slash or not model:
                self._note(path, "names no model", "write provider/model, or provider/* for all of them")
            elif "*" in model[:-1]:
                self._note(path, "has a * that is not at its end")

    def _keys(self) -> None:
        names: dict[str, int] = {}
        values: dict[object, int] = {}
        keys: Sequence[ApiKey | None] = self._sections.auth.keys or ()
        for index, key in enumerate(keys):
            if key is None:
                continue
            if key.name and names.setdefault(key.name, index) != index:
                self._note(("auth", "keys", index, "name"), f"is also the name of auth.keys[{names[key.name]}]")
            if key.name == ANONYMOUS and self._sections.auth.required is False:  # what is kept for one would be the other's
                self._note(("auth", "keys", index, "name"), "is what callers without a key are called", "give it another name")
            field = "key" if key.key is not None else "key_hash"
            value = key.key if key.key is not None else (key.key_hash or "").lower()
            if value and values.setdefault(value, index) != index:
                self._note(("auth", "keys", index, field), f"is also the {field} of auth.keys[{values[value]}]")
            for at, entry in enumerate(key.models or ()):
                if entry:
                    self._allowed(("auth", "keys", index, "models", at), entry)

    def _relayed(self) -> None:
        """Who is asked where a request does not say: models, and a provider."""
        media, files = self._sections.media, self._sections.files
        for field in ("moderation_model", "image_model"):
            name = getattr(media, field)
            if name and name not in self._aliases:
                self._target(("media", field), name, self._providers)
        self._provider_named(("files", "provider"), files.provider)
        for index, key in enumerate(self._sections.auth.keys or ()):
            for at, name in enumerate((key and key.passthrough) or ()):
                self._provider_named(("auth", "keys", index, "passthrough", at), None if name == "*" else name)
            for at, name in enumerate((key and key.providers) or ()):
                self._provider_named(("auth", "keys", index, "providers", at), name)
            for at, region in enumerate((key and key.regions) or ()):
                self._region(("auth", "keys", index, "regions", at), region)

    def _region(self, path: Path, region: str) -> None:
        known = {provider.region for provider in self._providers.values() if provider is not None and provider.region}
        if region not in known:
            hint = did_you_mean(region, known) or one_of(known) or "say region at a provider"
            self._note(path, f"no provider is in a region {self._quoted(path, region)}", hint)

    def _provider_named(self, path: Path, name: str | None) -> None:
        if name and name not in self._providers:
            hint = did_you_mean(name, self._providers) or one_of(self._providers)
            self._note(path, f"there is no provider {self._quoted(path, name)}", hint)

    def _allowed(self, path: Path, entry: str) -> None:
        """An exact entry must name something; a pattern may wait for what discovery brings."""
        if any(character in entry for character in "*?[") or entry in self._aliases:
            return
        provider, slash, model = entry.partition("/")
        if slash and model and provider in self._providers:
            return
        known = [*self._aliases, *(f"{name}/*" for name in self._providers)]
        hint = did_you_mean(entry, known) or one_of(known)
        self._note(path, f"there is no alias and no provider/model {self._quoted(path, entry)}", hint)

    def _openness(self) -> None:
        server, auth = self._sections.server, self._sections.auth
        if auth.keys or auth.others or auth.required is not None or not server.host or _is_loopback(server.host):
            return
        if self._written_at("auth", "keys") or self._written_at("auth", "required"):
            return  # they could not be read, which was already said
        hint = "add auth.keys, listen on 127.0.0.1, or say auth.required: false if something in front checks callers"
        self._note(("server", "host"), "would serve everyone who can reach this address: there are no keys", hint)

    def _admin(self) -> None:
        """Operators' paths are never open to a network without a key that only operators have."""
        server, auth = self._sections.server, self._sections.auth
        if any(key is not None and key.kind == "admin" for key in auth.keys or ()):
            return
        hint = "add an entry with kind: admin to auth.keys, or listen on 127.0.0.1"
        if server.admin is not None and server.admin.host and not _is_loopback(server.admin.host):
            self._note(("server", "admin", "host"), "would let everyone administer who can reach this address", hint)
        if server.expose_admin and server.host and not _is_loopback(server.host):
            self._note(("server", "expose_admin"), "would let everyone administer who can reach server.host", hint)

    def _written_at(self, *path: str) -> bool:
        node, found = locate(self._root, path)
        return found == path and bool(node.value)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
