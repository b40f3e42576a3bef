{{/* The cluster that the pod runs in, as the configuration has it; nothing where it is not read. */}}
{{- define "pullproof.cluster" -}}
{{- $own := list -}}
{{- range (.Values.config).clusters -}}
{{- if .in_cluster }}{{ $own = append $own . }}{{ end -}}
{{- end -}}
{{- if gt (len $own) 1 }}{{ fail "config.clusters: only one entry can be the cluster that the pod runs in" }}{{ end -}}
{{- with $own }}{{ first . | toYaml }}{{ end -}}
{{- end }}

{{/* A role and its binding: for a namespace, or where that is "", everywhere. (list $ cluster namespace) */}}
{{- define "pullproof.role" -}}
{{- $root := index . 0 -}}
{{- $namespace := index . 2 -}}
{{- $kind := ternary "Role" "ClusterRole" (ne $namespace "") -}}
{{- $name := include "pullproof.fullname" $root -}}
{{- if not $namespace }}{{ $name = printf "%s-%s" (include "pullproof.namespace" $root) $name }}{{ end -}}
{{- $metadata := dict "name" $name "labels" (include "pullproof.labels" $root | fromYaml) -}}
{{- with $namespace }}{{ $_ := set $metadata "namespace" . }}{{ end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  {{- toYaml $metadata | nindent 2 }}
rules:
  {{- include "pullproof.rights" (list $root (index . 1)) | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  {{- toYaml $metadata | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $name | quote }}
subjects:
  - kind: ServiceAccount
    name: {{ include "pullproof.serviceAccountName" $root | quote }}
    namespace: {{ (include "pullproof.namespace" $root) | quote }}
{{- end }}

{{/* What is asked for, and nothing else: (list $ cluster) */}}
{{- define "pullproof.rights" -}}
{{- $granted := (index . 0).Files.Get "files/rbac.yaml" | fromYaml -}}
{{- $cluster := index . 1 -}}
{{- $asked := $granted.core -}}
{{- if not $cluster.namespaces }}{{ $asked = concat $asked $granted.nodes }}{{ end -}}
{{- if and $cluster.node_pools (not $cluster.namespaces) }}{{ $asked = concat $asked $granted.nodePools }}{{ end -}}
{{- if $cluster.helm_history }}{{ $asked = concat $asked $granted.helmHistory }}{{ end -}}
{{- if $cluster.pull_secrets }}{{ $asked = concat $asked $granted.pullSecrets }}{{ end -}}
{{- range $cluster.custom_resources -}}
{{- $asked = append $asked (dict "apiGroups" (list .group) "resources" (list .resource) "verbs" (list "list" "watch")) -}}
{{- end -}}
{{- $rules := list -}}
{{- range $rule := $asked -}}
{{- $resources := list -}}
{{- range $rule.resources -}}
{{- if not (has . ($cluster.leave_out | default list)) }}{{ $resources = append $resources . }}{{ end -}}
{{- end -}}
{{- with $resources }}{{ $rules = append $rules (set (deepCopy $rule) "resources" .) }}{{ end -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end }}
