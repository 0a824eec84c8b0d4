"""What target programs say about themselves: expected findings at the line, and what they need to run.

    time.sleep(0.15)  # expect: UJ101 leaf=time.sleep grade=exact count=1
    # expect: UJ502 culprit=none                    a finding that names no line of the program

    # expect: unknown culprit=none says=measured    a stall of which nobody is accused, with a word of the reason

| word | meaning |
|---|---|
| leaf=A|B | one of these leaves (without it and count: all findings of the rule at this line are one) |
| culprit=none, culprit=any | no culprit; any culprit (without it: this very line) |
| count=N, count=any | so many stalls (without it: not compared) |
| grade=G | at least this grade (without it: inferred) |
| ms=NAME | the length that the program measured under this name (without it: stall, where it measured that) |
| thread=T, task=N, coroutine=C | what the finding must name; C by its end |
| victims=N, victims=none | at least so many, nobody at all (asyncio: uvloop does not tell) |
| late=R, late-asyncio=R | a request among its victims that ends in R; on that loop |
| holder=R | the request that it must name as the one that held the loop; neither this nor `late` is told by the twin on uvloop (docs/web.md) |
| says=WORD | a word that its message or evidence must hold |
| required=native, required=asyncio | may be missed by the other tier, on the other loop; other words: must be found |
| required=native|asyncio | may be missed by the twin on uvloop, whose turns it knows by a heartbeat only |
| only=native, only=asyncio | nothing is expected of the other tier, on the other loop |
| grade-asyncio=G | at least this grade on that loop |

`# expect-next: ...` is about the next line, `# expect-in NAME: ...` in a shared module an expectation of the program NAME. At the head of a program stand `# needs: a, b` (packages),
`# arguments: a b` (one run with each), `# usually: native asyncio` (other tiers and loops only with UNJAM_TEST_FULL),
`# loops: asyncio`, `# python: 3.12` (at least), `# threshold: 4ms`,
`# namespaces` (needs a network, or a /proc, of its own), `# blind` (nobody can tell there how long it had no CPU),
`# quota` (runs with a fifth of a CPU) and `# serial` (judged alone where it does not pass beside others).
"""

import re
from dataclasses import dataclass
from pathlib import Path

TARGETS = Path(__file__).parent / "targets"
EXPECT = re.compile(
    r"#\s*expect(?P<next>-next)?(?:-in (?P<program>\w+))?: (?P<rule>UJ\d{3}|unknown)(?P<words>(?: [\w-]+=\S+)*)"
)
HEADER = re.compile(
    r"^# (needs|arguments|usually|loops|python|threshold|namespaces|blind|quota|serial)(?:: (.*))?$",
    re.MULTILINE,
)
WORDS = {
    "leaf",
    "culprit",
    "count",
    "grade",
    "ms",
    "thread",
    "task",
    "coroutine",
    "victims",
    "says",
    "required",
    "only",
    "grade-asyncio",
    "holder",
    "late",
    "late-asyncio",
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """One finding that must be there, at a file and line."""

    rule: str
    file: str
    line: int
    words: dict[str, str]

    def __str__(self) -> str:
        """As in the program."""
        return " ".join(
            [f"{Path(self.file).name}:{self.line}", self.rule, *(f"{k}={v}" for k, v in self.words.items())]
        )


@dataclass(frozen=True, slots=True)
class Program:
    """A target program with what it expects and needs."""

    path: Path
    expectations: tuple[Expectation, ...]
    header: dict[str, str]

    @property
    def name(self) -> str:
        """The file name without its suffix."""
        return self.path.stem

    @property
    def needs(self) -> list[str]:
        """Packages that must be importable."""
        return self.header.get("needs", "").replace(",", " ").split()

    @property
    def loops(self) -> tuple[str, ...]:
        """Kinds of loop that it can run on."""
        return tuple(self.header.get("loops", "asyncio uvloop").split())

    @property
    def arguments(self) -> list[str]:
        """Words to start it with, one a run; none stands for one run without."""
        return self.header.get("arguments", "").split()

    @property
    def python(self) -> tuple[int, ...]:
        """The oldest Python that it runs on."""
        return tuple(int(part) for part in self.header.get("python", "3.11").split("."))


def programs() -> list[Program]:
    """All target programs, by name; modules that begin with an underscore are shared by them."""
    shared = [found for path in TARGETS.glob("_*.py") for found in expected_in(path)]
    return [
        Program(
            path=path,
            expectations=tuple(each for name, each in [*shared, *expected_in(path)] if name == path.stem),
            header={key: value or "yes" for key, value in HEADER.findall(path.read_text())},
        )
        for path in sorted(TARGETS.glob("[!_]*.py"))
    ]


def expected_in(path: Path) -> list[tuple[str, Expectation]]:
    """The expectations that a file holds, each with the program it belongs to."""
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := EXPECT.search(line):
            words = dict(word.split("=", 1) for word in match["words"].split())
            assert words.keys() <= WORDS, f"{path}:{number}: unknown words {words.keys() - WORDS}"
            found.append(
                (
                    match["program"] or path.stem,
                    Expectation(match["rule"], str(path), number + bool(match["next"]), words),
                )
            )
    return found
