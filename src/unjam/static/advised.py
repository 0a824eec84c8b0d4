"""What to do about one blocking call: the remedies of its record and its rule that fit where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from unjam.model.findings import Remedy
from unjam.static.source import CallSite, Outline

if TYPE_CHECKING:
    from unjam.knowledge.records import Advice
    from unjam.static.accuse import Accusation
    from unjam.static.chains import Way
    from unjam.static.program import Function, Program
    from unjam.static.small import Small

_IN_A_THREAD = frozenset(
    {*(f"UJ10{number}" for number in (1, 2, 3, 4, 5, 6, 7, 9)), "UJ201", "UJ202", "UJ203", "UJ302"}
)
"""Rules for what keeps nobody waiting in a thread."""
_OF_THE_LOOP = frozenset({"create_task", "ensure_future", "get_event_loop", "get_running_loop", "start_soon"})
"""What a function calls that has to run on the loop."""
_OF_A_THREAD = "sqlite3."
"""What refuses to work in another thread than the one that made it."""
_DEEPEST = 3
"""Values looked into one after the other for where they come from."""


class Advised:
    """Advises on the accusations of one program. `by_rule` names the keys of `advice` that go with a rule."""

    def __init__(
        self, program: Program, small: Small, advice: Mapping[str, Advice], by_rule: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._program = program
        self._small = small
        self._advice = advice
        self._by_rule = by_rule

    def remedies(self, accusation: Accusation, way: Way) -> Iterator[Remedy]:
        """What fits: to declare an endpoint `def` first, where nothing else has to be changed; then the call's own remedy."""
        record = accusation.record
        own = [record.remedy] if record and record.remedy else []
        keys = dict.fromkeys([*own, *self._by_rule.get(accusation.rule, ())])
        keys.pop("sync-endpoint", None)
        endpoint = self._program.functions[way.entry.symbol]
        words = {
            "leaf": accusation.leaf,
            "twin": record.twin if record and record.twin else "the async counterpart",
            "function": accusation.function.name,
        }
        if accusation.rule in _IN_A_THREAD and way.entry.pooled and self._may_be_plain(endpoint, way, accusation.leaf):
            yield self._remedy("sync-endpoint", words | {"function": endpoint.name})
        for key in keys:
            if key in self._advice and not (key == "read-once" and self._changes(accusation, way)):
                yield self._remedy(key, words)

    def _remedy(self, key: str, words: Mapping[str, str]) -> Remedy:
        advice = self._advice[key]
        return Remedy(_filled(advice.text, words), _filled(advice.cost, words))

    def _may_be_plain(self, endpoint: Function, way: Way, leaf: str) -> bool:
        """Whether an endpoint awaits nothing and needs the loop for nothing."""
        outline = self._program.outlines[endpoint.path]
        if (
            endpoint.scope.kind != "coroutine"
            or leaf.startswith(_OF_A_THREAD)
            or any(scope == endpoint.index for scope, _ in outline.awaits)
        ):
            return False
        if any(self._program.functions[edge.callee].scope.is_async for edge in way.edges):
            return False
        sites = (call.site for call in endpoint.calls if call.site is not None)
        return not any(
            site.text.startswith("asyncio.") or site.text.rpartition(".")[2] in _OF_THE_LOOP for site in sites
        )

    def _changes(self, accusation: Accusation, way: Way) -> bool:
        """Whether there is nothing to read once and keep: the call writes, or reads what each who asks gives it."""
        site = self._small.site(accusation)
        return self._small.writes(accusation) or (
            way.served and site is not None and self._is_given(accusation.function, site)
        )

    def _is_given(self, function: Function, site: CallSite) -> bool:
        given = {*function.scope.parameters} - {"self", "cls"}
        return not given.isdisjoint(_names(self._program.outlines[function.path], site, _DEEPEST))


def _names(outline: Outline, site: CallSite, depth: int) -> Iterator[str]:
    """The variables that a call is made on or with, and those that they were made of."""
    texts = [site.text.rpartition(".")[0], *(each.text for each in site.arguments if each.form in {"name", "call"})]
    inner = {each.span for each in site.arguments if each.form == "call"}
    for text in filter(None, texts):
        name = text.partition(".")[0].partition("[")[0].removesuffix("()")
        yield name
        made = (each for each in outline.assignments if each.scope == site.scope and each.target == name)
        for assignment in made if depth else ():
            yield assignment.value.partition(".")[0].partition("[")[0]
            inner.add(assignment.span)
    for each in outline.calls if depth and inner else ():
        if each.span in inner and each is not site:
            yield from _names(outline, each, depth - 1)


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace("{" + word + "}", value)
    return text
