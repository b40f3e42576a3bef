{{/* What would stop the pod, or blind it, although Kubernetes takes it. One line for each fault. */}}
{{- define "pullproof.podFaults" }}
{{- range $name := list "livenessProbe" "startupProbe" "readinessProbe" }}
{{- include "pullproof.probeFaults" (list $ $name (index $.Values $name)) }}
{{- end }}
{{- include "pullproof.mountFaults" (list "storage.claims" .Values.storage.claims) }}
{{- include "pullproof.mountFaults" (list "extraVolumeMounts" .Values.extraVolumeMounts) }}
{{- if gt (int .Values.shards) 1 }}
{{- range .Values.extraArgs }}
{{- if hasPrefix "--shard" . }}
extraArgs: {{ . }}: each of several shards takes its own from the end of its name
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A kubelet kills what does not answer its probe: (list $ name probe) */}}
{{- define "pullproof.probeFaults" }}
{{- $root := index . 0 }}
{{- $name := index . 1 }}
{{- $probe := index . 2 }}
{{- $patience := add ($probe.initialDelaySeconds | default 0) (mul ($probe.periodSeconds | default 10) ($probe.failureThreshold | default 3)) }}
{{- if and $probe (ne $name "readinessProbe") (lt $patience 20) }}
{{ $name }}: gives up after {{ $patience }} seconds; a busy node needs up to 20 to start the program
{{- end }}
{{- $asked := coalesce $probe.httpGet $probe.tcpSocket }}
{{- if and $asked (not $root.Values.extraContainers) (not (has (toString $asked.port) (list "http" "10470"))) }}
{{ $name }}: the web server listens on port http, and not on {{ $asked.port }}
{{- end }}
{{- with $probe.httpGet }}
{{- if has (toString .port) (list "http" "10470") }}
{{- $prefix := include "pullproof.prefix" $root }}
{{- $right := list (printf "%s/-/healthy" $prefix) }}
{{- if eq $name "readinessProbe" }}{{ $right = append $right (printf "%s/-/ready" $prefix) }}{{ end }}
{{- if not (has .path $right) }}
{{ $name }}.httpGet.path: only {{ join " and " $right }} answers as long as the program is well
{{- end }}
{{- if ne (eq (.scheme | default "HTTP") "HTTPS") $root.Values.web.tls }}
{{ $name }}.httpGet.scheme: HTTPS goes with web.tls, and HTTP without it
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A mount over a folder hides what is in it: (list name mounts) */}}
{{- define "pullproof.mountFaults" }}
{{- $name := index . 0 }}
{{- range $index, $mount := index . 1 }}
{{- $path := printf "%s/" (trimSuffix "/" (.mountPath | toString)) }}
{{- range $own := list "/etc/pullproof/" "/var/lib/pullproof/" "/tmp/" "/run/pullproof/web/" "/opt/pullproof/" "/usr/bin/" "/usr/lib/" "/usr/local/" "/bin/" "/lib/" "/proc/" "/dev/" "/sys/" }}
{{- if hasPrefix $path $own }}
{{ $name }}[{{ $index }}].mountPath: {{ $mount.mountPath }} hides {{ trimSuffix "/" $own }}, which the program needs
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A policy that lets nobody out to what is audited. */}}
{{- define "pullproof.policyFaults" }}
{{- $policy := .Values.networkPolicy }}
{{- if and $policy.enabled (not $policy.extraEgress) }}
{{- range $index, $registry := .Values.config.registries }}
{{- if and (not $policy.dns) (regexMatch "[A-Za-z]" (regexReplaceAll "^https?://(\\[[^]]*\\])?" $registry.url "")) }}
networkPolicy.dns: without it the name of config.registries[{{ $index }}] does not resolve; let out to your name server in extraEgress
{{- end }}
{{- end }}
{{- if and .Values.config.clusters (not $policy.kubernetes.ports) }}
networkPolicy.kubernetes.ports: without any, config.clusters cannot be read
{{- end }}
{{- end }}
{{- end }}
