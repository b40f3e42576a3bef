{{/* The name of all objects. A StatefulSet's pods carry it, with a suffix of eleven, in a label: 63 characters at most. */}}
{{- define "pullproof.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := .Values.nameOverride | default "pullproof" -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "pullproof.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end }}

{{- define "pullproof.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "pullproof.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{/* The name is fixed: monitors make the job of it, by which rules and dashboards ask. */}}
{{- define "pullproof.selector" -}}
app.kubernetes.io/name: pullproof
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "pullproof.labels" -}}
{{- $standard := dict
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/version" (.Values.image.tag | default .Chart.AppVersion | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/managed-by" .Release.Service
  "app.kubernetes.io/part-of" "pullproof" -}}
{{- $selector := include "pullproof.selector" . | fromYaml -}}
{{- merge (dict) $selector $standard .Values.commonLabels | toYaml -}}
{{- end }}

{{/* name, namespace, labels and annotations of an object: (list $ name namespace labels annotations) */}}
{{- define "pullproof.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 | quote }}
namespace: {{ index . 2 | default (include "pullproof.namespace" $root) | quote }}
labels:
  {{- merge (include "pullproof.labels" $root | fromYaml) (index . 3) | toYaml | nindent 2 }}
{{- with index . 4 }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "pullproof.image" -}}
{{- with .Values.image -}}
{{- $repository := required "image.repository: name the repository that holds your build of the image, such as registry.example.com/pullproof" .repository -}}
{{- with $.Values.global.imageRegistry | default .registry }}{{ . }}/{{ end }}{{ $repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- with .digest }}@{{ . }}{{ end }}
{{- end -}}
{{- end }}

{{/* Those of the parent chart come first; each once. */}}
{{- define "pullproof.imagePullSecrets" -}}
{{- $names := list -}}
{{- range concat (.Values.global.imagePullSecrets | default list) .Values.imagePullSecrets -}}
{{- $names = append $names (kindIs "string" . | ternary . (get (kindIs "map" . | ternary . dict) "name")) -}}
{{- end -}}
{{- range uniq $names }}
- name: {{ . | quote }}
{{- end }}
{{- end }}
