"""Print the paths of the files, one a line."""

from __future__ import annotations

from unjam.integrations.dashboards import ALERTS, GRAFANA

print(GRAFANA)  # noqa: T201 -- this is what it is for
print(ALERTS)  # noqa: T201
