#!/usr/bin/env bash
# Switches a topic, or one of its partitions, to another replication mode while it is in use: zhumq partition mode --wait.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/switch-mode.sh TOPIC raft|fetch [options]

Switches all partitions of TOPIC, or one of them, to the other replication mode while producers and consumers go on, and
waits until that has ended. It is "zhumq partition mode TOPIC MODE --wait"; all options of that command may follow:

  --partition N        this partition alone
  --parallel N         how many partitions may be switched at once
  --timeout 5m         how long to wait; the switch goes on afterwards
  --dry-run            check, but change nothing
  -o json              one JSON object at the end
  --bootstrap H:P,...  servers of the cluster [ZHUMQ_BOOTSTRAP, or 127.0.0.1:9640]
  --help               this text

Exit codes: 0 all are in that mode, 1 failed or refused, 2 called in a way that can not work, 3 some are, 4 no such
topic or partition, 6 not ended in time, 130 interrupted.

Examples:
  scripts/switch-mode.sh orders fetch
  scripts/switch-mode.sh orders raft --partition 3 --timeout 30s -o json
TEXT
}

refuse() {
  echo "switch-mode.sh: $*; --help says how it is called" >&2
  exit 2
}

for argument in "$@"; do
  case $argument in --help | -h) usage; exit 0 ;; esac
done
(($# > 0)) || refuse "TOPIC is missing"
[[ $1 != -* ]] || refuse "TOPIC comes first, not \"$1\""
(($# > 1)) || refuse "the mode is missing: raft or fetch"
case $2 in raft | fetch) ;; *) refuse "the mode is raft or fetch, not \"$2\"" ;; esac

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[[ -e $root/packages/cli/dist/index.js ]] || {
  echo "switch-mode.sh: zhumq is not built; run: npm ci && npm run build" >&2
  exit 1
}
wait=(--wait)
for argument in "$@"; do
  case $argument in --wait | -w) wait=() ;; esac
done
exec node "$root/packages/cli/bin/zhumq.js" partition mode "$@" "${wait[@]}"
