#!/bin/sh
# Batch (--exec-mode once): a run for each message, whose stdin ends after the line, so that a filter is enough. The request names a
# directory; the answer is how full its disk is. What it writes to stderr is logged.
path=$(jq -r '.content.path // empty')
if ! [ -d "$path" ]; then
    echo "no directory: $path" >&2
    jq -nc --arg path "$path" '{performative: "refuse", content: {reason: "not-found", detail: $path}}'
    exit
fi
df -P "$path" | awk 'NR == 2 { sub("%", "", $5); print $5 }' | jq -c --arg path "$path" '{content: {path: $path, percent: .}}'
