#!/bin/sh
# Persistent in shell: a loop over lines. It keeps the last line that it was told, and says it when it is asked.
last=null
while IFS= read -r message; do
    case $(printf '%s' "$message" | jq -r .performative) in
    inform) last=$(printf '%s' "$message" | jq -c .content) ;;
    request | query-ref) printf '%s' "$message" | jq -c --argjson last "$last" '{id, content: $last}' ;;
    *) printf '%s' "$message" | jq -c '{id, performative: "not-understood", content: {reason: "unsupported-act"}}' ;;
    esac
done
