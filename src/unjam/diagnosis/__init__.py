"""Events to findings: pure functions, no clock, no I/O.

The way of a stall: `events` (typed, tolerant) -> `case` (one process) -> `pieces` (sample groups with `view`, `judge` and `accounting`)
-> `outside` and `own`, refined by `congestion` (blames) -> `findings` (evidence, remedies, groups). Beside it `pools`, `timeouts` and
`loops` read their own events, and `verdict` says it all in one sentence.
"""

from __future__ import annotations

from unjam.diagnosis.diagnose import diagnose, diagnose_stall
from unjam.diagnosis.source import Provider

__all__ = ["Provider", "diagnose", "diagnose_stall"]
