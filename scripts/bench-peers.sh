#!/usr/bin/env bash
# Measures zhumq beside NATS JetStream, RabbitMQ and Apache Kafka on this machine, and writes the page of results.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: scripts/bench-peers.sh [options]

Starts three nodes of each queue on loopback, one queue after the other, loads them all in the same way, reads everything
back and compares it, and writes the results and a page with tables and charts.

  --only LIST       of zhumq, nats, rabbitmq, kafka (nats: also nats-debian, nats-sync) [all]
  --workloads LIST  of produce, leader, single, push, native [all]
  --duration S      seconds that are measured, of each run [15]
  --warm-up S       seconds before that [3]
  --rounds N        how often everything is measured, every second time in reverse order [3]
  --data-dir DIR    on the disk that is measured [the folder for temporary files]
  --output DIR      where benchmarks.md and benchmarks/*.svg go [.run/bench-peers]; for a new docs/benchmarks.md: docs
  --from FILE       measure nothing: write the page from the results of a run
  --dump-log        measure nothing: let Kafka's own kafka-dump-log read log files of zhumq, and judge what it says
  --help            this text

Needs `npm ci`, `npm run build`, and for the peers: npm; Go (NATS); apt-get and dpkg, without root (Debian's NATS and
RabbitMQ); Java 17 and Maven (Kafka). Programs are kept in .run/bench-peers/cache or ZHUMQ_BENCH_CACHE. Without a peer's tools,
leave it out with --only. All data are removed at the end, also after Ctrl-C.

Exit codes: 0 everything was measured and verified, 1 something failed or is missing, 2 wrong usage.
USAGE
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for argument in "$@"; do
  if [[ $argument == --help || $argument == -h ]]; then
    usage
    exit 0
  fi
done
if [[ ! -e $root/packages/bench/dist/index.js ]]; then
  echo "bench-peers.sh: zhumq is not built; run: npm ci && npm run build" >&2
  exit 1
fi
exec node "$root/scripts/bench-peers/main.js" "$@"
