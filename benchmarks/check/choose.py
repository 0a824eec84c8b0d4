"""Choose faults out of harvests: at most four commits and ten faults a repository; those of ASIDE are set aside.

Usage: python choose.py HARVEST.jsonl ... > faults.jsonl
"""

import hashlib
import json
import sys
from collections import defaultdict
from pathlib import Path

ASIDE = frozenset(
    [
        "OpenHands/software-agent-sdk",
        "AstrBotDevs/AstrBot",
        "music-assistant/server",
        "mdeweerd/zha-toolkit",
        "legrego/homeassistant-elasticsearch",
        "matter-js/python-matter-server",
        "custom-components/places",
        "FoundationAgents/MetaGPT",
        "SWE-agent/SWE-ReX",
        "Skyvern-AI/skyvern",
        "assafelovic/gpt-researcher",
        "browser-use/browser-use",
        "kyegomez/swarms",
        "letta-ai/letta",
        "reworkd/AgentGPT",
        "vocodedev/vocode-core",
    ]
)
"""Repositories whose faults are looked at for the final figure only."""

DROPPED = {
    ("pydantic/pydantic-ai", "task"): "calls a function of the user's",
    ("openai/openai-agents-python", "the_func"): "calls a function of the user's",
    ("langchain-ai/langgraph", "reader"): "calls a function of the user's",
    ("livekit/agents", "self._opts.load_fnc"): "calls a function of the user's",
    ("hacs/integration", "add_sensor"): "makes a task and blocks nothing",
    ("Cog-Creators/Red-DiscordBot", "community.get_community_streams"): "a coroutine that nobody awaits blocks nothing",
    ("pipecat-ai/pipecat", "r.iter_bytes"): "an asynchronous iterator in a plain `for` fails and blocks nothing",
}
"""What the mechanical search took for a fault and reading showed to be none that source could show."""

MOST_COMMITS = 4
MOST_FAULTS = 10


def chosen(rows):
    """The first commits of each repository in an order that only their hash decides."""
    by_commit = defaultdict(list)
    for row in rows:
        by_commit[row["commit"]].append(row)
    commits = sorted(by_commit, key=lambda commit: hashlib.sha256(commit.encode()).hexdigest())[:MOST_COMMITS]
    return [row for commit in commits for row in by_commit[commit]][:MOST_FAULTS]


def main(files):
    repositories = defaultdict(list)
    for file in files:
        for line in Path(file).read_text().splitlines():
            row = json.loads(line)
            repositories[row["repository"]].append(row)
    seen = set()
    for name in sorted(repositories):
        for row in chosen(repositories[name]):
            place = name, row["file"], row["line"], row["call"]
            if place not in seen and (name, row["call"]) not in DROPPED:
                print(json.dumps({**row, "aside": name in ASIDE}))
            seen.add(place)


if __name__ == "__main__":
    main(sys.argv[1:])
