#!/usr/bin/env bash
# Queues the shards and the merge: ./submit.sh URL SHARED-FOLDER
set -euo pipefail
if [ $# != 2 ]; then
    echo 'usage: ./submit.sh URL SHARED-FOLDER' >&2
    exit 2
fi
export SERVICE_URL=$1 RENDEZVOUS=$2
mkdir -p "$RENDEZVOUS"
here=$(dirname "$0")
# JOB or JOB;CLUSTER
shards=$(sbatch --parsable --export=ALL "$here/shards.sbatch")
export SHARDS=${shards%%;*}
# afterany: a lost shard is the merge's to judge.
merge=$(sbatch --parsable --export=ALL --dependency="afterany:$SHARDS" "$here/merge.sbatch")
echo "shards $SHARDS, merge ${merge%%;*}: a7probe-merge-${merge%%;*}.log has the verdict"
