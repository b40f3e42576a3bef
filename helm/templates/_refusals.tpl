{{/* What the schema cannot tell and would stop the auditor. All of it is told at once, before anything is changed. */}}
{{- define "pullproof.refusals" -}}
{{- with include "pullproof.faults" . | splitList "\n" | compact }}{{ fail (join "\n" .) }}{{ end -}}
{{- end }}

{{/* One line for each fault. */}}
{{- define "pullproof.faults" }}
{{- $own := include "pullproof.ownConfiguration" . }}
{{- include "pullproof.ledgerFaults" . }}
{{- if and .Values.web.tls (not .Values.web.configSecret) $own }}
web.tls: without web.configSecret the web server has no certificate
{{- end }}
{{- if and .Values.web.clientCertificates (not .Values.web.tls) }}
web.clientCertificates: needs web.tls
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
podMonitor.enabled: serviceMonitor is enabled too, and every series would be there twice; enable one of them
{{- end }}
{{- range $name := list "serviceMonitor" "podMonitor" }}
{{- $monitor := index $.Values $name }}
{{- include "pullproof.monitorFaults" (list $name $monitor) }}
{{- if and $monitor.enabled $.Values.web.clientCertificates (not $monitor.tlsConfig.cert) }}
{{ $name }}.tlsConfig.cert: web.clientCertificates refuses every scrape without a certificate
{{- end }}
{{- end }}
{{- include "pullproof.podFaults" . }}
{{- if .Values.prometheusRule.enabled }}{{ include "pullproof.ruleFaults" . }}{{ end }}
{{- if and (not $own) (.Values.config).registries }}
config.registries: has no effect with existingConfig
{{- end }}
{{- if $own }}
{{- if not (hasKey .Values.config "clusters") }}
config.clusters: write [] where no cluster is to be read
{{- end }}
{{- $confirm := .Values.config.confirm_after | default "5s" }}
{{- $deadline := .Values.config.audit_deadline | default "2h" }}
{{- if ge (include "pullproof.milliseconds" $confirm | int64) (include "pullproof.milliseconds" $deadline | int64) }}
config.confirm_after: no loss is confirmed before audit_deadline
{{- end }}
{{- include "pullproof.policyFaults" . }}
{{- include "pullproof.registriesFaults" . }}
{{- include "pullproof.clustersFaults" . }}
{{- $hosts := list }}
{{- range .Values.config.registries }}
{{- $usual := ternary ":80" ":443" (hasPrefix "http:" .url) }}
{{- $own := .url | lower | trimSuffix "/" | regexFind "[^/]+$" | trimSuffix $usual }}
{{- $hosts = concat $hosts (list $own (printf "%s%s" $own $usual)) }}
{{- range .aliases }}{{ $hosts = append $hosts (lower .) }}{{ end }}
{{- end }}
{{- $files := list }}
{{- range $index, $wanted := .Values.config.references }}
{{- $at := printf "config.references[%d]" $index }}
{{- include "pullproof.oneOf" (list $at $wanted "file" "images") }}
{{- range $wanted.images }}
{{- $host := regexFind "^[^/]+" . | lower }}
{{- if not (has $host $hosts) }}
{{ $at }}.images: no registry is {{ $host }}
{{- end }}
{{- end }}
{{- if and $wanted.file (has $wanted.file $files) }}
config.references[{{ $index }}].file: {{ $wanted.file }} is another entry's already
{{- end }}
{{- $files = append $files $wanted.file }}
{{- end }}
{{- if kindIs "map" .Values.config.facts }}
{{- include "pullproof.placeFaults" (list $ "config.facts" .Values.config.facts) }}
{{- end }}
{{- include "pullproof.mountedFaults" . }}
{{- end }}
{{- end }}

{{- define "pullproof.ledgerFaults" }}
{{- $kept := .Values.ledger.persistence }}
{{- $sharded := gt (int .Values.shards) 1 }}
{{- if and $sharded $kept.existingClaim }}
ledger.persistence.existingClaim: each of several shards needs a ledger of its own; leave the claim away
{{- end }}
{{- if and $kept.existingClaim (not $kept.enabled) }}
ledger.persistence.existingClaim: nothing is put there before ledger.persistence.enabled is true
{{- end }}
{{- if $sharded }}
{{- $name := include "pullproof.fullname" . }}
{{- $there := lookup "apps/v1" "StatefulSet" (include "pullproof.namespace" .) $name | default dict }}
{{- $was := dig "metadata" "annotations" "pullproof/ledger-claim" "" $there }}
{{- $is := include "pullproof.ledgerClaim" . }}
{{- if and $was (ne $was $is) }}
ledger.persistence: Kubernetes cannot change the claims of a StatefulSet. The running one has {{ $was }}, the values say {{ $is }}. Set the values back, or delete the StatefulSet and its ledgers (history, no verdicts) and upgrade again: kubectl --namespace {{ include "pullproof.namespace" . }} delete statefulset {{ $name }}
{{- end }}
{{- end }}
{{- end }}

{{/* The claims of a StatefulSet, on one line. */}}
{{- define "pullproof.ledgerClaim" -}}
{{- $kept := .Values.ledger.persistence -}}
{{- ternary (pick $kept "accessModes" "annotations" "size" "storageClass" | toJson) "no claims" $kept.enabled -}}
{{- end }}

{{/* (list name values) */}}
{{- define "pullproof.monitorFaults" }}
{{- $name := index . 0 }}
{{- $monitor := index . 1 }}
{{- if $monitor.enabled }}
{{- $interval := include "pullproof.milliseconds" $monitor.interval | int64 }}
{{- if gt (include "pullproof.milliseconds" $monitor.scrapeTimeout | int64) $interval }}
{{ $name }}.scrapeTimeout: {{ $monitor.scrapeTimeout }} is more than the interval of {{ $monitor.interval }}
{{- end }}
{{- if eq (include "pullproof.milliseconds" $monitor.scrapeTimeout | int64) 0 }}
{{ $name }}.scrapeTimeout: no scrape ends within {{ $monitor.scrapeTimeout }}
{{- end }}
{{- range $limit, $least := dict "sampleLimit" 1000 "labelLimit" 20 }}
{{- $most := index $monitor $limit | int64 }}
{{- if and $most (lt $most (int64 $least)) }}
{{ $name }}.{{ $limit }}: {{ $most }} is exceeded by every scrape, which then brings nothing; 0 is no limit
{{- end }}
{{- end }}
{{- range $index, $rule := $monitor.metricRelabelings }}
{{- $action := $rule.action | default "replace" | lower }}
{{- range $label := include "pullproof.metricLabels" "" | splitList " " }}
{{- if hasPrefix "label" $action }}
{{- $matches := regexMatch (printf "^(?:%s)$" ($rule.regex | default ".*")) $label }}
{{- if or (and $matches (eq $action "labeldrop")) (and (not $matches) (eq $action "labelkeep")) }}
{{ $name }}.metricRelabelings[{{ $index }}]: {{ $action }} removes {{ $label }}, by which the rules tell series apart
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if gt $interval 60000 }}
{{ $name }}.interval: {{ $monitor.interval }} is more than 1m, and the rules look back over 3m
{{- end }}
{{- end }}
{{- end }}

{{/* A duration of Prometheus as a number of milliseconds. */}}
{{- define "pullproof.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+[a-z]+" . -1 -}}
{{- $sum = add $sum (mul (regexFind "[0-9]+" . | int64) (index $units (regexFind "[a-z]+" .))) -}}
{{- end -}}
{{- $sum -}}
{{- end }}

{{- define "pullproof.registriesFaults" }}
{{- $names := list }}
{{- $hosts := list }}
{{- range $index, $registry := .Values.config.registries }}
{{- $at := printf "config.registries[%d]" $index }}
{{- include "pullproof.registryFaults" (list $at $registry) }}
{{- include "pullproof.credentialsFaults" (list $at $registry) }}
{{- if kindIs "map" $registry.storage }}
{{- include "pullproof.placeFaults" (list $ (printf "%s.storage" $at) $registry.storage) }}
{{- end }}
{{- $host := $registry.url | lower | trimSuffix "/" | regexFind "[^/]+$" }}
{{- $name := $registry.name | default $host }}
{{- if has $name $names }}
{{ $at }}.name: {{ $name }} already names another registry
{{- end }}
{{- $names = append $names $name }}
{{- $plain := hasPrefix "http:" $registry.url }}
{{- $answers := prepend ($registry.aliases | default list) (regexReplaceAll (ternary ":80$" ":443$" $plain) $host "") }}
{{- range $alias := $answers }}
{{- if has (lower $alias) $hosts }}
{{ $at }}.aliases: {{ $alias }} already names another registry
{{- end }}
{{- end }}
{{- range $answers }}{{ $hosts = append $hosts (lower .) }}{{ end }}
{{- end }}
{{- end }}

{{/* (list at registry) */}}
{{- define "pullproof.registryFaults" }}
{{- $at := index . 0 }}
{{- $registry := index . 1 }}
{{- $plain := hasPrefix "http:" $registry.url }}
{{- if and $plain (not $registry.plain_http) }}
{{ $at }}.url: http without TLS needs plain_http: true
{{- end }}
{{- $port := regexFind ":[0-9]+/?$" $registry.url | trimAll ":/" | default "1" | int64 }}
{{- if or (lt $port 1) (gt $port 65535) }}
{{ $at }}.url: a port is a number from 1 to 65535
{{- end }}
{{- if and $registry.plain_http (not $plain) }}
{{ $at }}.plain_http: needs an address that begins with http://
{{- end }}
{{- if $plain }}
{{- range include "pullproof.given" (list $registry "ca_file" "certificate_file" "key_file") | splitList " " | compact }}
{{ $at }}.{{ . }}: has no effect over plain http
{{- end }}
{{- end }}
{{- if and $registry.key_file (not $registry.certificate_file) }}
{{ $at }}.key_file: needs certificate_file
{{- end }}
{{- if and $registry.insecure_skip_verify $plain }}
{{ $at }}.insecure_skip_verify: has no effect over plain http
{{- end }}
{{- if and $registry.insecure_skip_verify $registry.ca_file }}
{{ $at }}.ca_file: has no effect where certificates are not verified
{{- end }}
{{- include "pullproof.platformsFaults" (list $at $registry) }}
{{- range $number, $part := $registry.parts }}
{{- include "pullproof.platformsFaults" (list (printf "%s.parts[%d]" $at $number) $part) }}
{{- end }}
{{- if eq ($registry.role | default "owned") "proxy" }}
{{- range $key, $why := dict "scrub" "is not for role: proxy: reading makes it fetch" "events" "is not for role: proxy: nothing is requested of it" "parts" "not with role: proxy: name the proxied repositories here" }}
{{- if or (index $registry $key) (kindIs "map" (index $registry $key)) }}
{{ $at }}.{{ $key }}: {{ $why }}
{{- end }}
{{- end }}
{{- end }}
{{- include "pullproof.repositoriesFaults" (list (printf "%s.repositories" $at) $registry) }}
{{- if kindIs "map" $registry.scrub }}
{{- if and (eq ($registry.scrub.read_from | default "api") "storage") (not $registry.storage) }}
{{ $at }}.scrub.read_from: storage needs the registry's storage
{{- end }}
{{- end }}
{{- end }}

{{/* A registry or a part of one. (list at section) */}}
{{- define "pullproof.platformsFaults" }}
{{- $section := index . 1 }}
{{- if ne (eq ($section.role | default "owned") "sparse") (not (empty $section.platforms)) }}
{{ index . 0 }}.platforms: belongs to role: sparse, which needs it
{{- end }}
{{- end }}

{{/* What lists the repositories. (list at registry) */}}
{{- define "pullproof.repositoriesFaults" }}
{{- $at := index . 0 }}
{{- $registry := index . 1 }}
{{- $of := $registry.repositories | default dict }}
{{- $from := $of.from | default "catalog" }}
{{- $token := include "pullproof.given" (list $of "api_token_file" "api_token_env") | splitList " " | compact }}
{{- if and (ne $from "catalog") (eq (get $of "catalog" | toString) "false") }}
{{ $at }}.from: {{ $from }} lists repositories, and catalog: false forbids that
{{- end }}
{{- if gt (len $token) 1 }}
{{ $at }}.api_token_env: not together with api_token_file: one of them
{{- end }}
{{- range list (list "namespaces" $of.namespaces (list "catalog" "ecr") (list "catalog" "ecr" "harbor")) (list (first $token | default "api_token_file") $token (list "catalog" "harbor" "ecr") (list "catalog" "harbor" "ecr" "gitea" "docker-hub")) }}
{{- if and (index . 1) (has $from (index . 2)) }}
{{ $at }}.{{ first . }}: has no effect with from: {{ $from }}
{{- end }}
{{- if not (or (index . 1) (has $from (index . 3))) }}
{{ $at }}.{{ first . }}: is needed with from: {{ $from }}
{{- end }}
{{- end }}
{{- if and $of.api_url (has $from (list "catalog" "harbor")) }}
{{ $at }}.api_url: the API of from: {{ $from }} is at the registry's own address
{{- end }}
{{- if and (hasPrefix "http:" ($of.api_url | default "")) (not $registry.plain_http) }}
{{ $at }}.api_url: http without TLS needs plain_http: true
{{- end }}
{{- $usual := get (dict "github" "https://ghcr.io" "gitlab" "https://registry.gitlab.com" "docker-hub" "https://docker.io") $from }}
{{- if and $usual (not $of.api_url) (ne $registry.url $usual) }}
{{ $at }}.api_url: is needed: the API of from: {{ $from }} is at another address than its registry
{{- end }}
{{- end }}

{{/* (list at registry) */}}
{{- define "pullproof.credentialsFaults" }}
{{- $at := index . 0 }}
{{- $registry := index . 1 }}
{{- $names := include "pullproof.given" (list $registry "username" "username_file" "username_env") | splitList " " | compact }}
{{- $secrets := include "pullproof.given" (list $registry "password_file" "password_env" "identity_token_file" "identity_token_env" "docker_config") | splitList " " | compact }}
{{- range list $names $secrets }}
{{- if gt (len .) 1 }}
{{ $at }}.{{ index . 1 }}: not together with {{ first . }}: one of them
{{- end }}
{{- end }}
{{- $secret := first $secrets | default "" }}
{{- if and (hasPrefix "password" $secret) (not $names) }}
{{ $at }}.{{ $secret }}: needs username, username_file or username_env
{{- end }}
{{- if and $names (has $secret (list "" "docker_config")) }}
{{ $at }}.{{ first $names }}: needs password_file or password_env
{{- end }}
{{- end }}

{{- define "pullproof.clustersFaults" }}
{{- $names := list }}
{{- $environment := not (empty .Values.extraEnvFrom) }}
{{- range .Values.extraEnv }}{{ if eq .name "KUBECONFIG" }}{{ $environment = true }}{{ end }}{{ end }}
{{- range .Values.extraVolumeMounts }}{{ if contains "/.kube" .mountPath }}{{ $environment = true }}{{ end }}{{ end }}
{{- range $index, $cluster := .Values.config.clusters }}
{{- $at := printf "config.clusters[%d]" $index }}
{{- if not (or $cluster.in_cluster $cluster.kubeconfig $environment) }}
{{ $at }}: which cluster is it? In a pod it needs in_cluster: true, or kubeconfig
{{- end }}
{{- if $cluster.in_cluster }}
{{- range include "pullproof.given" (list $cluster "context" "kubeconfig") | splitList " " | compact }}
{{ $at }}.{{ . }}: has no effect with in_cluster
{{- end }}
{{- end }}
{{- if ne (len (uniq ($cluster.namespaces | default list))) (len ($cluster.namespaces | default list)) }}
{{ $at }}.namespaces: each is listed once
{{- end }}
{{- if and $cluster.node_pools $cluster.namespaces }}
{{ $at }}.node_pools: has no effect with namespaces: pools belong to none
{{- end }}
{{- range $number, $custom := $cluster.custom_resources }}
{{- if not $custom.images }}
{{ $at }}.custom_resources[{{ $number }}].images: at least one is needed
{{- end }}
{{- end }}
{{- $name := coalesce $cluster.name $cluster.context (ternary "in-cluster" "kubernetes" ($cluster.in_cluster | default false)) }}
{{- if has $name $names }}
{{ $at }}.name: {{ $name }} already names another cluster
{{- end }}
{{- $names = append $names $name }}
{{- end }}
{{- end }}

{{/* A folder or a bucket; a folder must be mounted. (list $ at place) */}}
{{- define "pullproof.placeFaults" }}
{{- $root := index . 0 }}
{{- $at := index . 1 }}
{{- $place := index . 2 }}
{{- include "pullproof.oneOf" (list $at $place "path" "url") }}
{{- with $place.path }}
{{- $path := . }}
{{- range include "pullproof.given" (list $place "endpoint" "region") | splitList " " | compact }}
{{ $at }}.{{ . }}: goes with url
{{- end }}
{{- $mounted := false }}
{{- range concat $root.Values.storage.claims $root.Values.extraVolumeMounts }}
{{- if hasPrefix (printf "%s/" (trimSuffix "/" .mountPath)) (printf "%s/" $path) }}{{ $mounted = true }}{{ end }}
{{- end }}
{{- if not $mounted }}
{{ $at }}.path: nothing is mounted at {{ $path }}; name its claim in storage.claims, or use extraVolumes and extraVolumeMounts
{{- end }}
{{- end }}
{{- end }}

{{/* Secrets and ConfigMaps that are named by a path are mounted. */}}
{{- define "pullproof.mountedFaults" }}
{{- $text := toYaml .Values.config }}
{{- range regexFindAll "/run/pullproof/[^/\\s'\"]+" $text -1 | uniq }}
{{- $place := . }}
{{- $mounted := has . (list "/run/pullproof/secrets" "/run/pullproof/configmaps" "/run/pullproof/web") }}
{{- range $.Values.extraVolumeMounts }}
{{- if hasPrefix $place (trimSuffix "/" .mountPath) }}{{ $mounted = true }}{{ end }}
{{- end }}
{{- if not $mounted }}
config: nothing is mounted at {{ . }}; Secrets are at /run/pullproof/secrets/NAME
{{- end }}
{{- end }}
{{- range $key, $folder := dict "secrets" "/run/pullproof/secrets/" "configMaps" "/run/pullproof/configmaps/" }}
{{- range regexFindAll (printf "%s[^/\\s'\"]+" $folder) $text -1 | uniq }}
{{- $place := . }}
{{- $mounted := has (trimPrefix $folder .) (index $.Values $key) }}
{{- range $.Values.extraVolumeMounts }}
{{- if hasPrefix (trimSuffix "/" .mountPath) $place }}{{ $mounted = true }}{{ end }}
{{- end }}
{{- if not $mounted }}
config: nothing is mounted at {{ . }}; add {{ trimPrefix $folder . }} to {{ $key }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Of two keys, one must be set and not both. (list at section key key) */}}
{{- define "pullproof.oneOf" }}
{{- if eq (empty (index . 1 | dig (index . 2) "")) (empty (index . 1 | dig (index . 3) "")) }}
{{ index . 0 }}.{{ index . 2 }}: either {{ index . 2 }} or {{ index . 3 }}, one of them
{{- end }}
{{- end }}

{{/* Which of some keys a section sets, separated by spaces. (list section key…) */}}
{{- define "pullproof.given" -}}
{{- $section := first . -}}
{{- range rest . }}{{ if and (hasKey $section .) (not (kindIs "invalid" (index $section .))) }}{{ . }} {{ end }}{{ end -}}
{{- end }}
