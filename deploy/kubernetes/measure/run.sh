#!/usr/bin/env bash
# Runs the shards, merges them when all have ended, prints the verdict and ends with the exit code of a7probe.
# KUBECTL may name another program, or one with arguments: KUBECTL='kubectl --namespace load' ./run.sh
set -euo pipefail
cd "$(dirname "$0")"
read -ra kubectl <<< "${KUBECTL:-kubectl}"
pause=${PAUSE:-5}

# finished JOB: waits until the Job has ended, well or not, and says which. Its activeDeadlineSeconds ends it.
finished() {
    local conditions
    while true; do
        conditions=$("${kubectl[@]}" get job "$1" \
            --output 'jsonpath={.status.conditions[?(@.status=="True")].type}')
        case " $conditions " in
            *' Complete '*) echo complete; return ;;
            *' Failed '*) echo failed; return ;;
        esac
        sleep "$pause"
    done
}

"${kubectl[@]}" delete job a7probe-shards a7probe-merge --ignore-not-found --wait
"${kubectl[@]}" apply --filename shards.yaml
# Lost shards are the merge's to judge: a FAIL stands without them, a PASS becomes inconclusive.
state=$(finished a7probe-shards)
echo "shards: $state" >&2

run=$("${kubectl[@]}" get job a7probe-shards --output 'jsonpath={.metadata.uid}')
sed "s/RUN-OF-THE-SHARDS/$run/" merge.yaml | "${kubectl[@]}" apply --filename -
finished a7probe-merge >/dev/null
"${kubectl[@]}" logs job/a7probe-merge
code=$("${kubectl[@]}" get pods --selector job-name=a7probe-merge \
    --output 'jsonpath={.items[0].status.containerStatuses[0].state.terminated.exitCode}')
exit "${code:-2}"
