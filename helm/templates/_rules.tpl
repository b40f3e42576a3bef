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
