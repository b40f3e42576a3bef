{{- define "pullproof.pod" -}}
metadata:
  labels:
    {{- merge (include "pullproof.labels" . | fromYaml) .Values.podLabels | toYaml | nindent 4 }}
  {{- with include "pullproof.podAnnotations" . | fromYaml }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "pullproof.serviceAccountName" . | quote }}
  automountServiceAccountToken: {{ include "pullproof.cluster" . | empty | not }}
  {{- include "pullproof.placement" . | nindent 2 }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  containers:
    - name: pullproof
      {{- include "pullproof.container" . | nindent 6 }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "pullproof.volumes" . | nindent 4 }}
{{- end }}

{{/* Where a pod runs, and what runs in it before anything else. */}}
{{- define "pullproof.placement" -}}
# Variables for every Service of the namespace are of no use here.
enableServiceLinks: false
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "pullproof.imagePullSecrets" . }}
imagePullSecrets:
  {{- . | nindent 2 }}
{{- end }}
{{- range $field := list "initContainers" "hostAliases" "dnsPolicy" "dnsConfig" "nodeSelector" "tolerations" "affinity" "priorityClassName" "runtimeClassName" }}
{{- with index $.Values $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* The program reloads a changed configuration itself. A new pod is for what is only read at a start. */}}
{{- define "pullproof.podAnnotations" -}}
{{- $own := dict -}}
{{- if include "pullproof.ownConfiguration" . -}}
{{- $_ := set $own "checksum/config" (pick .Values.config "external_url" "log_level" "metrics" "route_prefix" | toYaml | sha256sum) -}}
{{- end -}}
{{- if .Values.podScrapeAnnotations -}}
{{- $_ := set $own "prometheus.io/scrape" "true" -}}
{{- $_ := set $own "prometheus.io/port" "10470" -}}
{{- $_ := set $own "prometheus.io/path" (printf "%s/metrics" (include "pullproof.prefix" .)) -}}
{{- $_ := set $own "prometheus.io/scheme" (.Values.web.tls | ternary "https" "http") -}}
{{- end -}}
{{- merge (deepCopy .Values.podAnnotations) $own | toYaml -}}
{{- end }}

{{- define "pullproof.container" -}}
image: {{ include "pullproof.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - serve
  - --config=/etc/pullproof/pullproof.yml
  - --watch-config
  {{- if gt (int .Values.shards) 1 }}
  # Which of them it is stands at the end of the pod's name.
  - --shard=auto/{{ .Values.shards }}
  {{- end }}
  {{- with .Values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- include "pullproof.environment" . }}
ports:
  - name: http
    containerPort: 10470
    protocol: TCP
livenessProbe:
  {{- include "pullproof.probe" (list . "/-/healthy" .Values.livenessProbe) | nindent 2 }}
readinessProbe:
  {{- include "pullproof.probe" (list . "/-/ready" .Values.readinessProbe) | nindent 2 }}
{{- with .Values.startupProbe }}
startupProbe:
  {{- include "pullproof.probe" (list $ "/-/healthy" .) | nindent 2 }}
{{- end }}
{{- with .Values.lifecycle }}
lifecycle:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  {{- include "pullproof.mounts" . | nindent 2 }}
{{- end }}

{{- define "pullproof.environment" }}
env:
  # For the commands that pages print.
  - name: POD_NAME
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  - name: POD_NAMESPACE
    valueFrom:
      fieldRef:
        fieldPath: metadata.namespace
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $credentials := .Values.storage.credentialsSecret }}
{{- if or $credentials .Values.extraEnvFrom }}
envFrom:
  {{- with $credentials }}
  - secretRef:
      name: {{ . | quote }}
  {{- end }}
  {{- with .Values.extraEnvFrom }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* A handler of the site's own wins. A kubelet verifies no certificate and has none: (list $ path probe) */}}
{{- define "pullproof.probe" -}}
{{- $root := index . 0 -}}
{{- $web := $root.Values.web -}}
{{- $probe := index . 2 -}}
{{- if not (or $probe.httpGet $probe.tcpSocket $probe.exec) -}}
{{- if and $web.tls $web.clientCertificates -}}
tcpSocket:
  port: http
{{ else -}}
httpGet:
  path: {{ include "pullproof.prefix" $root }}{{ index . 1 }}
  port: http
  scheme: {{ $web.tls | ternary "HTTPS" "HTTP" }}
{{ end -}}
{{ end -}}
{{ toYaml $probe }}
{{- end }}

{{/* Where the probes ask; the path alone of the program's port without a certificate. */}}
{{- define "pullproof.probedAt" -}}
{{- $scheme := ternary (ternary "tcp" "https" .Values.web.clientCertificates) "http" .Values.web.tls -}}
{{ $scheme }}://0.0.0.0:10470{{ include "pullproof.prefix" . }}
{{- end }}

{{- define "pullproof.mounts" -}}
- name: ledger
  mountPath: /var/lib/pullproof
{{- range $index, $claim := .Values.storage.claims }}
- name: storage-{{ $index }}
  mountPath: {{ .mountPath }}
  {{- with .subPath }}
  subPath: {{ . | quote }}
  {{- end }}
  readOnly: true
{{- end }}
{{ include "pullproof.fileMounts" . }}
{{- end }}

{{/* The configuration, and the files that it names. */}}
{{- define "pullproof.fileMounts" -}}
- name: config
  mountPath: /etc/pullproof
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- range $index, $name := .Values.secrets }}
- name: secret-{{ $index }}
  mountPath: /run/pullproof/secrets/{{ $name }}
  readOnly: true
{{- end }}
{{- range $index, $name := .Values.configMaps }}
- name: configmap-{{ $index }}
  mountPath: /run/pullproof/configmaps/{{ $name }}
  readOnly: true
{{- end }}
{{- if .Values.web.configSecret }}
- name: web
  mountPath: /run/pullproof/web
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "pullproof.volumes" -}}
{{- $kept := .Values.ledger.persistence -}}
{{- if not $kept.enabled }}
- name: ledger
  {{- with .Values.ledger.sizeLimit }}
  emptyDir:
    sizeLimit: {{ . | quote }}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- else if eq (int .Values.shards) 1 }}
- name: ledger
  persistentVolumeClaim:
    claimName: {{ $kept.existingClaim | default (include "pullproof.fullname" .) | quote }}
{{- end }}
{{- range $index, $claim := .Values.storage.claims }}
# Read-only twice: the second keeps the kubelet from changing the owner of what is stored, too.
- name: storage-{{ $index }}
  persistentVolumeClaim:
    claimName: {{ .name | quote }}
    readOnly: true
{{- end }}
{{ include "pullproof.fileVolumes" (list . (include "pullproof.fullname" .)) }}
{{- end }}

{{/* (list $ name-of-the-ConfigMap) */}}
{{- define "pullproof.fileVolumes" -}}
{{- $made := index . 1 -}}
{{- with index . 0 -}}
- name: config
  {{- with .Values.existingConfig.secret }}
  secret:
    secretName: {{ . | quote }}
  {{- else }}
  configMap:
    name: {{ .Values.existingConfig.configMap | default $made | quote }}
  {{- end }}
- name: tmp
  emptyDir: {}
{{- range $index, $name := .Values.secrets }}
- name: secret-{{ $index }}
  secret:
    secretName: {{ $name | quote }}
{{- end }}
{{- range $index, $name := .Values.configMaps }}
- name: configmap-{{ $index }}
  configMap:
    name: {{ $name | quote }}
{{- end }}
{{- with .Values.web.configSecret }}
- name: web
  secret:
    secretName: {{ . | quote }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "pullproof.claim" -}}
accessModes:
  {{- toYaml .accessModes | nindent 2 }}
{{- with .storageClass }}
storageClassName: {{ . | quote }}
{{- end }}
resources:
  requests:
    storage: {{ .size | quote }}
{{- end }}
