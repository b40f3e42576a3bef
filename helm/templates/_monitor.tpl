{{/* What a ServiceMonitor and a PodMonitor have in common: (list $ values) */}}
{{- define "pullproof.monitor" -}}
{{- $root := index . 0 -}}
{{- with index . 1 -}}
# The value of this label is the job, by which the rules and the dashboards ask.
jobLabel: app.kubernetes.io/name
namespaceSelector:
  matchNames: [{{ (include "pullproof.namespace" $root) | quote }}]
selector:
  matchLabels:
    {{- include "pullproof.selector" $root | nindent 4 }}
{{- with .sampleLimit }}
sampleLimit: {{ . }}
{{- end }}
{{- with .labelLimit }}
labelLimit: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "pullproof.endpoint" -}}
{{- $root := index . 0 -}}
{{- $monitor := index . 1 -}}
port: http
path: {{ include "pullproof.prefix" $root }}/metrics
interval: {{ $monitor.interval }}
scrapeTimeout: {{ $monitor.scrapeTimeout }}
honorLabels: {{ $monitor.honorLabels }}
{{- if $root.Values.web.tls }}
scheme: https
{{- end }}
{{- range $field := list "tlsConfig" "basicAuth" "relabelings" "metricRelabelings" }}
{{- with index $monitor $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
