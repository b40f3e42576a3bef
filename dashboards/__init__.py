"""What do operators look at in Grafana? Dashboards as code; the JSON here is made from it."""
