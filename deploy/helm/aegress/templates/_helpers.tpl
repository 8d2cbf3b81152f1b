{{/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */}}
{{- define "aegress.selector" -}}
app.kubernetes.io/name: aegress
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "aegress.labels" -}}
{{ include "aegress.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: agent
app.kubernetes.io/part-of: aegress
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "aegress.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* aegressd.yaml: what the chart must say, then the user's own. */}}
{{- define "aegress.config" -}}
{{- $config := dict
    "cgroup" (dict "root" "/host/cgroup" "managed" .Values.cgroup.managed)
    "pins" "/host/bpf/aegress"
    "kubernetes" (dict "enabled" true)
    "defaults" .Values.defaults
    "log" (dict "format" "json") -}}
{{- mergeOverwrite $config (deepCopy .Values.config) | toYaml -}}
{{- end }}
