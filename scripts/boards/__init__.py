"""The dashboards, described: each module has one BOARD. scripts/dashboards.py writes what Grafana reads."""
