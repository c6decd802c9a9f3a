{{/* One name for everything of a release: "llm-gateway" for a release of that name, "RELEASE-llm-gateway" for any other. */}}
{{- define "llm-gateway.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" -}}
{{- else if contains "llm-gateway" .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-llm-gateway" (.Release.Name | trunc 33 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{/* What scripts, Prometheus and people select pods by; the instance tells two releases in one namespace apart. */}}
{{- define "llm-gateway.selector" -}}
app: llm-gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Of all pods that are the gateway's, the migration's too. */}}
{{- define "llm-gateway.family" -}}
app.kubernetes.io/name: llm-gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "llm-gateway.common" -}}
{{ include "llm-gateway.family" . }}
app.kubernetes.io/part-of: llm-gateway
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "llm-gateway.labels" -}}
app: llm-gateway
app.kubernetes.io/component: gateway
{{ include "llm-gateway.common" . }}
{{- end -}}

{{- define "llm-gateway.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The name of the Secret with keys and passwords: one that is there, or the one that this chart makes. */}}
{{- define "llm-gateway.secret" -}}
{{- if .Values.secrets.existingSecret -}}
{{ .Values.secrets.existingSecret }}
{{- else if or .Values.secrets.values .Values.secrets.external.enabled -}}
{{ include "llm-gateway.fullname" . }}-secrets
{{- else -}}
{{- fail "Where are the keys? Set secrets.existingSecret, secrets.values or secrets.external (see values.yaml)." -}}
{{- end -}}
{{- end -}}

{{- define "llm-gateway.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (printf "%s-sa" (include "llm-gateway.fullname" .)) }}
{{- end -}}

{{- define "llm-gateway.config" -}}
{{ toYaml .Values.config }}
{{- end -}}

{{/* Seconds of a duration such as 120s or 2m; others cannot be compared here. */}}
{{- define "llm-gateway.seconds" -}}
{{- $text := . | toString -}}
{{- if regexMatch "^[0-9]+s$" $text -}}{{ trimSuffix "s" $text }}
{{- else if regexMatch "^[0-9]+m$" $text -}}{{ mul (trimSuffix "m" $text | int) 60 }}
{{- else -}}0{{- end -}}
{{- end -}}

{{/* Mistakes that would only show when it is too late. */}}
{{- define "llm-gateway.check" -}}
{{- $least := ternary .Values.autoscaling.minReplicas .Values.replicas .Values.autoscaling.enabled | int -}}
{{- if and .Values.podDisruptionBudget.enabled (ge (.Values.podDisruptionBudget.minAvailable | int) $least) -}}
{{- fail (printf "podDisruptionBudget.minAvailable (%v) must be below the fewest replicas (%d), or no node could be drained." .Values.podDisruptionBudget.minAvailable $least) -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (.Values.autoscaling.minReplicas | int) (.Values.autoscaling.maxReplicas | int)) -}}
{{- fail "autoscaling.minReplicas must not be above autoscaling.maxReplicas." -}}
{{- end -}}
{{- $server := .Values.config.server -}}
{{- $drains := add (include "llm-gateway.seconds" ($server.drain_delay | default "0s") | int) (include "llm-gateway.seconds" $server.drain | int) -}}
{{- $needs := add (.Values.preStopSeconds | int) $drains 25 -}}
{{- if lt (.Values.terminationGracePeriodSeconds | int) ($needs | int) -}}
{{- fail (printf "terminationGracePeriodSeconds (%v) must be at least preStopSeconds + config.server.drain_delay + config.server.drain + 25 = %d: pods would be killed while they answer." .Values.terminationGracePeriodSeconds ($needs | int)) -}}
{{- end -}}
{{- if and (or .Values.redis.enabled .Values.postgresql.enabled) (not (or .Values.secrets.existingSecret .Values.secrets.values .Values.secrets.external.enabled)) -}}
{{- fail "redis.enabled and postgresql.enabled need REDIS_PASSWORD and POSTGRES_PASSWORD in the Secret." -}}
{{- end -}}
{{- end -}}

{{- define "llm-gateway.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "llm-gateway.locked" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "llm-gateway.env" -}}
- {name: TMPDIR, value: /tmp}
- {name: PYTHONDONTWRITEBYTECODE, value: "1"}
- {name: REGION, value: {{ .Values.region | quote }}}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "llm-gateway.mounts" -}}
- {name: config, mountPath: /etc/llm-gateway, readOnly: true}
- {name: secrets, mountPath: /run/secrets/llm-gateway, readOnly: true}
- {name: state, mountPath: /var/lib/llm-gateway}
{{- end -}}

{{- define "llm-gateway.volumes" -}}
- name: config
  configMap:
    name: {{ include "llm-gateway.fullname" . }}-config
    defaultMode: 288 # 0440: for fsGroup
- name: secrets
  secret:
    secretName: {{ include "llm-gateway.secret" . }}
    defaultMode: 288 # 0440: for fsGroup
{{- end -}}

{{/* Of Redis and PostgreSQL, if this chart brings them: (list NAME .) */}}
{{- define "llm-gateway.beside" -}}
app: {{ index . 0 }}
app.kubernetes.io/name: {{ index . 0 }}
{{- with index . 1 }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: llm-gateway
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- end -}}
