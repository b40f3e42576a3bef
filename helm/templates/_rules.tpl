{{/* The groups of rules, as they are in files/alerts but for what the values override. */}}
{{- define "pullproof.groups" -}}
{{- $groups := list -}}
{{- range $path, $_ := .Files.Glob "files/alerts/*.yml" -}}
{{- range ($.Files.Get $path | fromYaml).groups -}}
{{- $rules := list -}}
{{- range .rules -}}
{{- with include "pullproof.rule" (list $ .) | fromYaml }}{{ $rules = append $rules . }}{{ end -}}
{{- end -}}
{{- if $rules }}{{ $groups = append $groups (set (deepCopy .) "rules" $rules) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- concat $groups .Values.prometheusRule.extraGroups | toYaml -}}
{{- end }}

{{/* A rule after its overrides; nothing where it is off: (list $ rule) */}}
{{- define "pullproof.rule" -}}
{{- $values := (index . 0).Values.prometheusRule -}}
{{- $rule := deepCopy (index . 1) -}}
{{- if not $rule.alert -}}
{{- toYaml $rule -}}
{{- else -}}
{{- $override := index $values.alerts $rule.alert | default dict -}}
{{- if ne (toString $override.enabled) "false" -}}
{{- $labels := merge (dict) ($override.labels | default dict) $values.alertLabels $rule.labels -}}
{{- with $override.severity }}{{ $_ := set $labels "severity" . }}{{ end -}}
{{- $notes := merge (dict) ($override.annotations | default dict) $rule.annotations -}}
{{- $_ := set $rule "labels" $labels -}}
{{- $_ := set $rule "annotations" $notes -}}
{{- merge (pick $override "for" "keep_firing_for" "expr") $rule | toYaml -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* What makes alerts the same that are not, or a file that no Prometheus loads. */}}
{{- define "pullproof.ruleFaults" }}
{{- $values := .Values.prometheusRule }}
{{- $told := include "pullproof.metricLabels" "" | splitList " " | concat (list "alertname" "severity") }}
{{- range keys $values.alertLabels | sortAlpha }}
{{- if has . $told }}
prometheusRule.alertLabels.{{ . }}: tells alerts apart; choose another name
{{- end }}
{{- end }}
{{- range $alert, $override := $values.alerts }}
{{- range keys ($override.labels | default dict) | sortAlpha }}
{{- if and (has . $told) (ne . "severity") }}
prometheusRule.alerts.{{ $alert }}.labels.{{ . }}: tells alerts apart; choose another name
{{- end }}
{{- end }}
{{- end }}
{{- $names := list }}
{{- range ((include "pullproof.groups" .) | fromYamlArray) }}
{{- if has .name $names }}
prometheusRule.extraGroups: {{ .name }} already names a group
{{- end }}
{{- $names = append $names .name }}
{{- end }}
{{- end }}

{{/* The labels of the program's metrics. */}}
{{- define "pullproof.metricLabels" -}}
check class code collector dialect digest effect external_url kind login loop metric mode need outcome platform platforms python_version reason registry repository resource role scope shard shards source state tag version workload workload_cluster workload_kind workload_namespace severity
{{- end }}
