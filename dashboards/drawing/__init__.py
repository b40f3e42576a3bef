"""What would a dashboard show? Drawn from a Prometheus' answers as one HTML page, without Grafana.

It proves queries, units, mappings and the layout; Grafana's own look it only resembles.
"""
