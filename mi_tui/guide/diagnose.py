"""Diagnosis: a case matched to causes, the best first. What fits no rule is said to be unknown, with what was read and what to ask next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mi_tui.guide import conditions, facts, reading, rules
from mi_tui.guide.case import Case
from mi_tui.guide.facts import Facts
from mi_tui.guide.patterns import Pattern
from mi_tui.guide.reading import Place, Read
from mi_tui.guide.rules import FixRule, Prepared, Rule
from mi_tui.model.diagnosis import Change, Confidence, Diagnosis, Evidence, Fix

UNKNOWN = "unknown"
"""The rule's id of the diagnosis of what fits no rule."""

MOST = 6
"""Diagnoses that are told at most: a long log speaks of many things."""

_RANK = {Confidence.CERTAIN: 0, Confidence.LIKELY: 1, Confidence.POSSIBLE: 2, Confidence.UNKNOWN: 3}
_LINKS = ("https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints",)


@dataclass(frozen=True)
class _Match:
    rule: Rule
    confidence: Confidence
    captures: dict[str, str]
    evidence: tuple[Evidence, ...]
    by_world: bool
    """Nothing that was said led to it, but what is so now."""


def diagnose(case: Case) -> tuple[Diagnosis, ...]:
    """The diagnoses of a case, best first; never empty: where no rule fits, the one is `unknown`."""
    found = _diagnose(case)
    if found[0].rule == UNKNOWN and case.text and (whole := reading.joined(case.text)) != case.text:
        again = _diagnose(replace(case, text=whole))
        if again[0].rule != UNKNOWN:
            return again
    return found


def _diagnose(case: Case) -> tuple[Diagnosis, ...]:
    read = reading.read(case)
    found = [match for rule, signs in rules.prepared() if (match := _match(rule, signs, read)) is not None]
    explained = {other for match in found for other in match.rule.over}
    found = [match for match in found if match.rule.id not in explained]
    if not all(match.rule.fallback for match in found):
        found = [match for match in found if not match.rule.fallback]
    # Sorting keeps the order of the file among equals: there the specific stands before the general. What mi-tui itself refuses, it
    # knows the cause of: what else is so in the world comes after.
    ours = case.failure is not None and case.failure.code.startswith("mi-tui/")
    found.sort(key=lambda match: (_RANK[match.confidence], ours and match.by_world))
    return tuple(_diagnosis(match, read) for match in found[:MOST]) or (_unknown(read),)


# ---- matching


def _match(rule: Rule, signs: Iterable[Prepared], read: Read) -> _Match | None:
    """The rule's first sign that fits, weighed by what is known of the world; None when none does, or the world rules it out."""
    for sign in signs:
        hit = _hit(sign, read)
        if hit is not None:
            break
    else:
        return None
    captures, evidence = hit
    confidence = sign.confidence or rule.confidence
    for name in rule.never:
        if conditions.check(name, read.case).holds:
            return None
    weighed = [conditions.check(name, read.case) for name in rule.certain]
    if weighed and all(finding.holds for finding in weighed):
        confidence = Confidence.CERTAIN
        evidence += [one for finding in weighed for one in finding.evidence]
    for name in rule.doubtful:
        finding = conditions.check(name, read.case)
        if finding.holds:
            evidence += finding.evidence
            if _RANK[confidence] < _RANK[Confidence.POSSIBLE]:
                confidence = Confidence.POSSIBLE
    heard = sign.codes or sign.log_codes or sign.anchors or sign.statuses or sign.said or sign.log
    return _Match(rule, confidence, captures, tuple(dict.fromkeys(evidence)), not heard)


def _hit(sign: Prepared, read: Read) -> tuple[dict[str, str], list[Evidence]] | None:
    """What the sign caught, and where; None when it does not fit."""
    captures: dict[str, str] = {}
    evidence: list[Evidence] = []
    for name in sign.world:
        finding = conditions.check(name, read.case)
        if not finding.holds:
            return None
        evidence += finding.evidence
    for wanted, there in (
        (sign.codes, read.codes),
        (sign.log_codes, read.log_codes),
        (sign.anchors, read.anchors),
    ):
        if wanted:
            met = next((there[name] for name in there if name in wanted), None)
            if met is None:
                return None
            evidence.append(met)
    if sign.statuses:
        met = next((read.statuses[number] for number in read.statuses if number in sign.statuses), None)
        if met is None:
            return None
        evidence.append(met)
    for patterns, places in ((sign.said, read.said()), (sign.log, read.logs(sign.container))):
        if patterns:
            found = _first(patterns, tuple(places))
            if found is None:
                return None
            captures |= found[0]
            evidence.append(found[1])
    # What was said and what the log says is stronger than a code alone, and comes first.
    return captures, list(dict.fromkeys(reversed(evidence))) if sign.said or sign.log else list(dict.fromkeys(evidence))


def _first(patterns: Iterable[Pattern], places: tuple[Place, ...]) -> tuple[dict[str, str], Evidence] | None:
    for pattern in patterns:
        for place in places:
            if found := pattern.search(place.text):
                caught = {
                    name: " ".join(value.split()).rstrip(".:") for name, value in found.groupdict().items() if value
                }
                return caught, Evidence(place.source, reading.line_of(place.text, found.start(), found.end()))
    return None


# ---- telling


def _diagnosis(match: _Match, read: Read) -> Diagnosis:
    rule = match.rule
    known = facts.facts(read, match.captures, rule)
    failure = read.case.failure
    evidence = list(match.evidence)
    if rule.traceback:
        lines = [Evidence(place.source, reading.raised(place.text)) for place in read.logs()]
        evidence += [line for line in lines if line.text][:1]
    if failure is not None and not any(one.source == "failure" for one in evidence):
        evidence.append(Evidence("failure", reading.shown(failure.sentence())))
    fixes = list(_fixes(rule, known, read.case))
    if rule.advised and failure is not None and failure.advice:
        fixes.insert(0, Fix(failure.advice))
    return Diagnosis(
        rule=rule.id,
        cause=known.in_words(rule.cause),
        confidence=match.confidence,
        evidence=tuple(evidence),
        fixes=tuple(fixes),
        links=rule.links,
        support=read.support,
        question="" if match.confidence is Confidence.CERTAIN else known.in_words(rule.question),
        why=known.in_words(rule.why),
    )


def _fixes(rule: Rule, known: Facts, case: Case) -> Iterator[Fix]:
    for fix in rule.fixes:
        if any(not conditions.check(name, case).holds for name in fix.when):
            continue
        if any(conditions.check(name, case).holds for name in fix.unless):
            continue
        yield Fix(known.in_words(fix.words), known.in_command(fix.command), _change(fix, known))


def _change(fix: FixRule, known: Facts) -> Change | None:
    """The change that makes the fix; None when mi-tui cannot, or does not know enough to."""
    if fix.change is None or not all(map(known.known, fix.needs)):
        return None
    return Change(fix.change, tuple(value for template in fix.values for value in known.as_values(template)))


def _unknown(read: Read) -> Diagnosis:
    """What can be said of a failure that fits no rule: the raw error, the ids for support, and the next useful question."""
    case = read.case
    evidence = [Evidence(place.source, _beginning(place)) for place in read.places if place.log is None]
    evidence += [Evidence(place.source, _end(place)) for place in read.places if place.log is not None]
    evidence += [Evidence(what, reading.shown(state)) for what, state in case.states.items()]
    logs = any(place.log is not None for place in read.places)
    if not evidence:
        question = "What was said? An error text, the output of a command, or a log is needed."
    elif logs or case.world.deployment:
        question = "What did the step before this one say, and has it ever worked with the same files?"
    else:
        question = (
            "What do the container's last lines say? 'az ml online-deployment get-logs --lines 200', and once more with "
            "'--container storage-initializer'."
        )
    ids = "with the ids below" if read.support else "with the time at which it happened"
    return Diagnosis(
        rule=UNKNOWN,
        cause="No rule fits this." if evidence else "There is nothing to go by.",
        confidence=Confidence.UNKNOWN,
        evidence=tuple(evidence),
        fixes=(Fix(f"Ask Azure's support, {ids} and the error as it came."),) if evidence else (),
        links=_LINKS,
        support=read.support,
        question=question,
    )


def _beginning(place: Place) -> str:
    return reading.shown(place.text)


def _end(place: Place) -> str:
    return reading.shown("\n".join(place.text.rstrip().split("\n")[-5:]))
