"""Files for those who look at the metrics: a dashboard for Grafana and alert rules for Prometheus (docs/metrics.md).

`python -m unjam.integrations.dashboards` prints where they are.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
GRAFANA = FOLDER / "grafana.json"
"""A dashboard of Grafana's classic JSON model, which versions from 10 on import."""
ALERTS = FOLDER / "alerts.yml"
"""Alerting rules in the format of Prometheus' rule files."""
