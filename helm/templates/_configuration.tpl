{{/* The configuration file: what the site says, and what the chart knows. */}}
{{- define "pullproof.configuration" -}}
{{- $own := dict "ledger" "/var/lib/pullproof/ledger.sqlite" -}}
{{- if .Values.web.configSecret }}{{ $_ := set $own "web_config_file" "/run/pullproof/web/web.yml" }}{{ end -}}
{{- if not (.Values.config).registries }}{{ fail "config.registries: name at least one registry, such as [{url: https://registry.example.com}]" }}{{ end -}}
{{- if not (.Values.config).external_url }}{{ $_ := set $own "external_url" (include "pullproof.externalUrl" .) }}{{ end -}}
{{- merge $own .Values.config | toYaml -}}
{{- end }}

{{- define "pullproof.ownConfiguration" -}}
{{- if and .Values.existingConfig.configMap .Values.existingConfig.secret -}}
{{- fail "existingConfig: configMap or secret, not both" -}}
{{- end -}}
{{- if not (or .Values.existingConfig.configMap .Values.existingConfig.secret) }}true{{ end -}}
{{- end }}

{{/* Where people reach the pages: the Ingress's first host, or the Service. */}}
{{- define "pullproof.externalUrl" -}}
{{- $prefix := include "pullproof.prefix" . -}}
{{- if and .Values.ingress.enabled .Values.ingress.hosts -}}
{{- printf "%s://%s%s" (empty .Values.ingress.tls | ternary "http" "https") (first .Values.ingress.hosts).host $prefix -}}
{{- else -}}
{{- printf "%s://%s.%s.svc:%v%s" (.Values.web.tls | ternary "https" "http") (include "pullproof.fullname" .) (include "pullproof.namespace" .) .Values.service.port $prefix -}}
{{- end -}}
{{- end }}

{{/* What stands before every path of the web server. */}}
{{- define "pullproof.prefix" -}}
{{- (.Values.config).route_prefix | default "" | trimSuffix "/" -}}
{{- end }}
