"""Does what unjam found agree with what a target program says about itself?"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expectations import Expectation, Program

GRADES = ("unknown", "suspected", "inferred", "exact", "proved")
NOBODYS_FAULT = frozenset({"UJ502", "UJ503"})
"""True of the machine that runs the tests, not of the program: no missed alarm, no false one."""
MACHINES = frozenset({"run queue", "CPU quota", "process stopped"})
"""What holds the loop in those, and is blamed for a timeout (UJ701) that fired because of it."""
STARVED = re.compile(r"^starved ([\d.]+)$", re.MULTILINE)
STRETCH = re.compile(r"^stretch ([\d.]+) ([\d.]+) ([\d.]+)$", re.MULTILINE)
MEASURED = re.compile(r"^measured (\w+) ([\d.]+)$", re.MULTILINE)
HIDDEN = re.compile(r"^missed alarm: |: (count|grade|length) is [^:]*$")
"""Complaints that a lack of CPU explains."""
LEAST_SHARE, LEAST_MS = 0.98, 5.0
MOST_SHARE, MOST_MS = 1.02, 40.0
HEARTBEAT_MS = 25.0
"""Bounds of the recorded length. The program's own clock is read inside the stall: a busy machine makes the turn longer than
that. The twin knows uvloop's turns by a heartbeat only."""
STARVED_MS, STARVED_SHARE = 40.0, 0.5
"""Almost one threshold, and half of the held time: that hides what the other half was made of. Where unjam is blind (`# blind`), the first
is enough: nothing tells it what was work, and what the lack of a CPU."""

Finding = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """One program under `unjam run`: which tier and loop, and what came of it."""

    program: Program
    tier: str
    loop: str
    report: dict[str, Any]
    output: str

    @property
    def starved_ms(self) -> float:
        """How long the loops' threads, and those that held the GIL, were ready and given no CPU, as they themselves read it."""
        return sum(float(milliseconds) for milliseconds in STARVED.findall(self.output))

    @property
    def stretches(self) -> list[tuple[float, float]]:
        """For each stretch of a loop between two rests, for how long its thread or who watches it had no CPU, and how long it was."""
        each = [[float(number) for number in found] for found in STRETCH.findall(self.output)]
        return [(max(starved, unwatched), length) for length, starved, unwatched in each]

    @property
    def measured(self) -> dict[str, float]:
        """Milliseconds by name, as the program itself measured them."""
        total: dict[str, float] = defaultdict(float)
        for name, milliseconds in MEASURED.findall(self.output):
            total[name] += float(milliseconds)
        return total


def is_starved(run: Run) -> bool:
    """Whether all that is complained of comes of the machine, which, by the program's own measure, gave it too little CPU.

    Then a fault may not show, or be cut up, be seen less or for less long. Nothing makes another fault of it, or accuses anybody. It may have
    had too little all along, or just in the stretch of the fault; and where who watches had none, nothing was seen of what happened meanwhile.
    """
    wanted = any(each.rule in NOBODYS_FAULT for each in run.program.expectations)
    share = 0.0 if "blind" in run.program.header else STARVED_SHARE
    held_ms = max([sum(run.measured.values()), *(loop["stalled_ms"] for loop in run.report["loops"])])
    hidden = all(HIDDEN.search(line) for line in complaints(run))
    lacked = [(run.starved_ms, held_ms), *run.stretches]
    return hidden and any(without >= max(STARVED_MS, share * whole) for without, whole in lacked) and not wanted


def complaints(run: Run) -> list[str]:
    """One line for each expectation that is not met and each finding that nobody expects."""
    findings = list(run.report["findings"])
    found = []
    applying = [each for each in run.program.expectations if applies(each, run)]
    for expected in sorted(applying, key=lambda each: each.words.get("culprit") == "any"):
        matches = [finding for finding in findings if is_about(finding, expected)]
        if not matches:
            if is_required(expected, run):
                found.append(f"missed alarm: {expected}")
            continue
        if {"leaf", "count"} & expected.words.keys():
            matches = matches[:1]
        findings = [finding for finding in findings if finding not in matches]
        found += [f"{expected}: {problem}" for problem in differences(as_one(matches), expected, run)]
    return found + [f"false alarm: {brief(finding)}" for finding in findings if accuses(finding)]


def as_one(findings: list[Finding]) -> Finding:
    """Several leaves under one line are one fault, where neither leaf nor count is expected: a computation has many."""
    first = findings[0]
    return first | {key: sum(each[key] for each in findings) for key in ("count", "total_ms")}


def is_about(finding: Finding, expected: Expectation) -> bool:
    """Whether the finding is of the expected rule, and of the expected place where one is named."""
    if (finding["rule"] or "unknown") != expected.rule:
        return False
    culprit = finding["culprit"]
    match expected.words.get("culprit"):
        case "any":
            return True
        case "none":
            return culprit is None
    return culprit is not None and (Path(culprit["file"]).name, culprit["line"]) == (
        Path(expected.file).name,
        expected.line,
    )


def applies(expected: Expectation, run: Run) -> bool:
    """Whether anything is expected of this tier and this loop."""
    return expected.words.get("only", run.tier) in {run.tier, run.loop}


def is_required(expected: Expectation, run: Run) -> bool:
    """Whether this tier and this loop must find it."""
    words = expected.words.get("required", "").split(",")
    return all({run.tier, run.loop} & set(word.split("|")) for word in words if word)


def accuses(finding: Finding) -> bool:
    """Whether a finding that nobody expects blames somebody."""
    of_machine = finding["rule"] in NOBODYS_FAULT or (finding["rule"] == "UJ701" and finding["leaf"] in MACHINES)
    return not of_machine and (finding["grade"] != "unknown" or finding["culprit"] is not None)


def differences(finding: Finding, expected: Expectation, run: Run) -> list[str]:
    """What the finding says otherwise than expected."""
    words, found = expected.words, []
    if "leaf" in words and finding["leaf"] not in words["leaf"].split("|"):
        found.append(f"leaf is {finding['leaf']}")
    least = words.get(f"grade-{run.loop}", words.get("grade", "unknown" if expected.rule == "unknown" else "inferred"))
    if GRADES.index(finding["grade"]) < GRADES.index(least) and run.tier == "native":
        found.append(f"grade is {finding['grade']}")
    if words.get("count", "any") != "any" and finding["count"] != int(words["count"]):
        found.append(f"count is {finding['count']}")
    if "thread" in words and finding["thread"] != words["thread"]:
        found.append(f"thread is {finding['thread']}")
    victims = words.get("victims", "0")
    waited = max(len(finding["victims"]), finding.get("victim_count", 0))
    if run.loop == "asyncio" and (waited > 0 if victims == "none" else waited < int(victims)):
        found.append(f"{waited} victims")
    said = " ".join([finding["message"], *(each["text"] for each in finding["evidence"])])
    if words.get("says", "") not in said:
        found.append(f"says {said!r}")
    return [
        *found,
        *request_differences(finding, expected, run),
        *task_differences(finding, expected, run),
        *length_differences(finding, expected, run),
    ]


def request_differences(finding: Finding, expected: Expectation, run: Run) -> list[str]:
    """Who made whom late? On a loop whose steps nobody sees, that is not known."""
    if (run.tier, run.loop) == ("python", "uvloop"):
        return []
    found = []
    late = expected.words.get(f"late-{run.loop}", expected.words.get("late", ""))
    if late and not any(each["kind"] == "request" and each["name"].endswith(late) for each in finding["victims"]):
        found.append(f"no request to {late} among the victims: {finding['victims']}")
    holder = expected.words.get("holder", "")
    if holder and not any(holder in each["text"] for each in finding["evidence"]):
        found.append(f"{holder} is not named as the holder: {finding['evidence']}")
    return found


def task_differences(finding: Finding, expected: Expectation, run: Run) -> list[str]:
    """Is the task named? uvloop's steps cannot be seen, so there it may be missing, but not be another one."""
    task = finding["task"]
    if task is None:
        wanted = run.loop == "asyncio" and {"task", "coroutine"} & expected.words.keys()
        return ["no task is named"] if wanted else []
    found = []
    if expected.words.get("task", task["name"]) != task["name"]:
        found.append(f"task is {task['name']}")
    if not task["coroutine"].endswith(expected.words.get("coroutine", "")):
        found.append(f"coroutine is {task['coroutine']}")
    return found


def length_differences(finding: Finding, expected: Expectation, run: Run) -> list[str]:
    """Is the recorded length the one that the program measured?"""
    name = expected.words.get("ms", "stall")
    if name not in run.measured:
        return []
    # What the program measures holds the time in which it was given no CPU, and that is a finding of its own.
    starved = sum(each["total_ms"] for each in run.report["findings"] if each["rule"] == "UJ502")
    true, recorded = run.measured[name], finding["total_ms"]
    if recorded < true:
        recorded = min(true, recorded + starved)
    # A smaller share of such time goes to the largest cause: accounted as what it is, and no longer than the program knows of.
    if recorded > true:
        recorded = max(true, recorded - min(run.starved_ms, finding["accounted_ms"]["runqueue"] or 0.0))
    slack = HEARTBEAT_MS * finding["count"] if (run.tier, run.loop) == ("python", "uvloop") else LEAST_MS
    if true * LEAST_SHARE - slack <= recorded <= true * MOST_SHARE + MOST_MS:
        return []
    return [f"length is {recorded:.1f} ms, in truth {true:.1f} ms"]


def brief(finding: Finding) -> str:
    """A finding in one line."""
    culprit = finding["culprit"]
    where = f"{Path(culprit['file']).name}:{culprit['line']}" if culprit else "nobody"
    numbers = f"{finding['count']} x, {finding['total_ms']:.0f} ms"
    return f"{where} {finding['rule']} leaf={finding['leaf']} grade={finding['grade']} thread={finding['thread']} {numbers}"
