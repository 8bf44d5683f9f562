{{/* Labels of one part: a list of the root, its component ("" for none), its group ("" for none). */}}
{{- define "troupe.selector" -}}
{{- $root := index . 0 }}{{ $component := index . 1 }}{{ $group := index . 2 -}}
app.kubernetes.io/name: troupe
app.kubernetes.io/instance: {{ $root.Values.fleet }}
{{- with $component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- with $group }}
troupe.dev/group: {{ . }}
{{- end }}
{{- end }}

{{- define "troupe.labels" -}}
{{ include "troupe.selector" . }}
app.kubernetes.io/part-of: troupe
{{- end }}

{{/* The metadata of an object: a list of the root, its name, its component, its group. */}}
{{- define "troupe.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "troupe.labels" (list $root (index . 2) (index . 3)) | nindent 2 }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "troupe.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The broker that a part is to have: any, or, of what is kept by name, always the first. */}}
{{- define "troupe.broker" -}}tcp://{{ .Values.fleet }}-broker.{{ .Release.Namespace }}.svc:5570{{- end }}
{{- define "troupe.first-broker" -}}tcp://{{ .Values.fleet }}-0.{{ .Values.fleet }}.{{ .Release.Namespace }}.svc:5570{{- end }}

{{/* Kubernetes puts variables in place of $(NAME), and one $ in place of two; what a value says is taken as it is. */}}
{{- define "troupe.literal" -}}{{ . | toString | replace "$" "$$" | quote }}{{- end }}

{{/* Probes, answered by a thread of its own: one that is busy is alive. "http" or "file". */}}
{{- define "troupe.probe" -}}
{{- $how := index . 0 }}{{ $serving := index . 1 -}}
{{- if eq $how "http" -}}
httpGet: {path: {{ ternary "/readyz" "/healthz" $serving }}, port: http}
{{- else -}}
exec: {command: [troupe, alive{{ if $serving }}, "--serving"{{ end }}]}
{{- end }}
timeoutSeconds: 5
{{- end }}

{{- define "troupe.probes" -}}
startupProbe:
  {{- include "troupe.probe" (list . true) | nindent 2 }}
  periodSeconds: 2
  failureThreshold: 300
readinessProbe:
  {{- include "troupe.probe" (list . true) | nindent 2 }}
  periodSeconds: 5
  failureThreshold: 2
livenessProbe:
  {{- include "troupe.probe" (list . false) | nindent 2 }}
  periodSeconds: 10
  failureThreshold: 6
{{- end }}

{{- define "troupe.spread" -}}
{{- $labels := include "troupe.selector" . -}}
topologySpreadConstraints:
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- $labels | nindent 8 }}
{{- end }}
{{- end }}

{{/*
The template of a pod. A dict:
  root, component, name (of its Secret NAME-key), group ("" for the broker), cert, command (YAML of the list), resources,
  probe ("http" or "file"), grace (seconds); and where they are: ports, data, certs, tokens, files (of the Secret FLEET-COMPONENT), postgres, redis, environment, spread, nodeSelector, affinity
*/}}
{{- define "troupe.pod" -}}
{{- $root := .root }}{{ $fleet := .root.Values.fleet -}}
metadata:
  labels:
    {{- include "troupe.labels" (list $root .component .group) | nindent 4 }}
spec:
  serviceAccountName: {{ $fleet }}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ .grace }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  {{- with .nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .spread }}
  {{- include "troupe.spread" (list $root .component .group) | nindent 2 }}
  {{- end }}
  volumes:
    - name: run
      emptyDir: {medium: Memory, sizeLimit: 1Mi}
    - name: tmp
      emptyDir: {sizeLimit: 256Mi}
    - name: key
      secret: {secretName: {{ $fleet }}-{{ .name }}-key, defaultMode: 288, optional: false}
    {{- if .certs }}
    - name: certs
      configMap: {name: {{ $fleet }}-certs, optional: false}
    {{- end }}
    {{- if .tokens }}
    - name: tokens
      secret: {secretName: {{ $fleet }}-tokens, defaultMode: 288, optional: false}
    {{- end }}
    {{- if .files }}
    - name: {{ .component }}
      secret: {secretName: {{ $fleet }}-{{ .component }}, defaultMode: 288, optional: false}
    {{- end }}
    {{- if .postgres }}
    - name: postgres
      secret: {secretName: {{ $fleet }}-postgres, defaultMode: 288, optional: false}
    {{- end }}
    {{- if .redis }}
    - name: redis
      secret: {secretName: {{ $fleet }}-redis, defaultMode: 288, optional: false}
    {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "troupe.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command:
        {{- .command | nindent 8 }}
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        {{- range $name, $value := .env }}
        - name: {{ $name }}
          value: {{ include "troupe.literal" $value }}
        {{- end }}
        {{- if .redis }}
        - {name: TROUPE_REDIS_FILE, value: /etc/troupe/redis/url}
        {{- end }}
      {{- if .environment }}
      envFrom:
        - secretRef: {name: {{ $fleet }}-env, optional: true}
      {{- end }}
      resources:
        {{- toYaml .resources | nindent 8 }}
      securityContext:
        readOnlyRootFilesystem: true
        allowPrivilegeEscalation: false
        capabilities: {drop: [ALL]}
      {{- $ports := default list .ports }}
      {{- if and $root.Values.monitoring.metrics (ne .component "broker") }}
      {{- $ports = append $ports (dict "name" "metrics" "port" 5572) }}
      {{- end }}
      {{- with $ports }}
      ports:
        {{- range $port := . }}
        - {name: {{ $port.name }}, containerPort: {{ $port.port }}}
        {{- end }}
      {{- end }}
      {{- if eq .probe "http" }}
      lifecycle:
        # Whoever finds it by a service stops doing so before it ends; what is in work is ended on SIGTERM.
        preStop: {exec: {command: [sleep, "3"]}}
      {{- end }}
      {{- include "troupe.probes" .probe | nindent 6 }}
      volumeMounts:
        - {name: run, mountPath: /run/troupe}
        - {name: tmp, mountPath: /tmp}
        {{- if .data }}
        - {name: data, mountPath: /var/lib/troupe}
        {{- end }}
        - {name: key, mountPath: /etc/troupe/key, readOnly: true}
        {{- if .certs }}
        - {name: certs, mountPath: /etc/troupe/certs, readOnly: true}
        {{- end }}
        {{- if .tokens }}
        - {name: tokens, mountPath: /etc/troupe/tokens, readOnly: true}
        {{- end }}
        {{- if .files }}
        - {name: {{ .component }}, mountPath: /etc/troupe/{{ .component }}, readOnly: true}
        {{- end }}
        {{- if .postgres }}
        - {name: postgres, mountPath: /etc/troupe/postgres, readOnly: true}
        {{- end }}
        {{- if .redis }}
        - {name: redis, mountPath: /etc/troupe/redis, readOnly: true}
        {{- end }}
{{- end }}

{{/* The volume of each pod of a StatefulSet: a list of the root, component, group, size, class. */}}
{{- define "troupe.claim" -}}
{{- $class := index . 4 -}}
- metadata:
    name: data
    labels:
      {{- include "troupe.selector" (list (index . 0) (index . 1) (index . 2)) | nindent 6 }}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with $class }}
    storageClassName: {{ . }}
    {{- end }}
    resources: {requests: {storage: {{ index . 3 }}}}
{{- end }}

{{/* A PodDisruptionBudget: a list of the root, name, component, group, how many may be away. */}}
{{- define "troupe.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "troupe.metadata" (list (index . 0) (index . 1) (index . 2) (index . 3)) | nindent 2 }}
spec:
  maxUnavailable: {{ index . 4 }}
  selector:
    matchLabels:
      {{- include "troupe.selector" (list (index . 0) (index . 2) (index . 3)) | nindent 6 }}
{{- end }}

{{/* What every process beside the broker is told first: a list of the program, its broker, its certificate, its name. */}}
{{- define "troupe.command" -}}
- {{ index . 0 }}
{{- range index . 4 }}
- {{ . | quote }}
{{- end }}
- "--log-format"
- json
- "--connect-time"
- 5m # the broker may come later
- "--connect"
- {{ index . 1 }}
- "--cert"
- /etc/troupe/key/agent.{{ index . 2 }}.yaml
- "--name"
- {{ index . 3 | quote }}
{{- end }}

{{/* Its port for Prometheus, of the root; behind what it is told first. */}}
{{- define "troupe.metrics" }}
{{- if .Values.monitoring.metrics }}
- "--http"
- "0.0.0.0:5572"
{{- end }}
{{- end }}

{{/* The resources of a group: what it says, over what holds for all. A list of the root and the group's own. */}}
{{- define "troupe.resources" -}}
{{- toYaml (mergeOverwrite (deepCopy (index . 0).Values.agentResources) (deepCopy (default dict (index . 1)))) }}
{{- end }}
