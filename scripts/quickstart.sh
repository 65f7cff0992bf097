#!/usr/bin/env bash
# From a fresh clone to a running cluster that has just survived the loss of a leader, with every message checked.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: bash scripts/quickstart.sh [--once] [--zookeeper]

Installs and builds zhumq, starts three brokers (processes of their own), creates a topic, produces and consumes
messages, kills the leader with SIGKILL in the middle, and checks that every acknowledged message is there.

  --once        stop the cluster at the end instead of leaving it running
  --zookeeper   keep the metadata in a real ensemble of three ZooKeeper servers (needs Java and Debian's zookeeper
                package) instead of the embedded store
  -h, --help    show this text
TEXT
}

once=0 zookeeper=0
for argument in "$@"; do
  case $argument in
    --once) once=1 ;;
    --zookeeper) zookeeper=1 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "quickstart.sh: unknown option $argument (try --help)" >&2; exit 2 ;;
  esac
done

fail() { echo "quickstart: $*" >&2; exit 1; }
step() { printf '\n== %s\n' "$*"; }
now_ms() { date +%s%3N; }

command -v node >/dev/null || fail "Node.js 20.19 or later is needed; install it from your distribution or nodejs.org."
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  fail "Node.js 20.19 or later is needed; this is $(node --version)."
command -v npm >/dev/null || fail "npm is needed; it comes with Node.js."
if [ $zookeeper = 1 ]; then
  command -v java >/dev/null || fail "--zookeeper needs Java; on Debian: apt-get install default-jre-headless zookeeper"
fi

work=$PWD/.run/quickstart
messages=2000
zhumq() { node packages/cli/bin/zhumq.js "$@"; }
pids=()

stop_cluster() {
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do
    for _ in $(seq 300); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  done
  if [ $zookeeper = 1 ]; then ZHUMQ_ZOOKEEPER_DIR="$work/zookeeper" bash scripts/zookeeper.sh stop >/dev/null 2>&1 || true; fi
}
trap 'status=$?; if [ $status != 0 ]; then echo "quickstart: failed; logs are in $work" >&2; stop_cluster; fi' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -f "$work/pids" ]; then
  for pid in $(cat "$work/pids"); do
    # Only what an earlier quickstart of this checkout left running: its command line names this folder.
    if [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$work"; then
      kill -TERM "$pid" 2>/dev/null || true
      for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    fi
  done
fi
if [ $zookeeper = 1 ] && [ -d "$work/zookeeper" ]; then
  ZHUMQ_ZOOKEEPER_DIR="$work/zookeeper" bash scripts/zookeeper.sh stop >/dev/null 2>&1 || true
fi
rm -rf "$work"
mkdir -p "$work"

step "Installing and building (log: .run/quickstart/build.log)"
started=$(now_ms)
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "npm ci ..."
  npm ci --no-audit --no-fund >"$work/build.log" 2>&1 || { tail -20 "$work/build.log" >&2; fail "npm ci failed"; }
fi
echo "npm run build ..."
npm run build >>"$work/build.log" 2>&1 || { tail -20 "$work/build.log" >&2; fail "the build failed"; }
echo "done in $((($(now_ms) - started) / 1000)) s"

wait_for_line() { # file, pid: the first line of a server's output
  for _ in $(seq 300); do
    if [ -s "$1" ] && [ "$(wc -l <"$1")" -ge 1 ]; then head -1 "$1"; return; fi
    kill -0 "$2" 2>/dev/null || { tail -5 "${1%.out}.log" >&2; fail "a server ended at its start"; }
    sleep 0.1
  done
  fail "a server did not become ready within 30 s (see ${1%.out}.log)"
}
field() { node -e 'let t=""; process.stdin.on("data", d => t += d).on("end", () => { const v = JSON.parse(t); console.log(eval("v" + process.argv[1])) })' "$1"; }

launch() { # name, arguments of zhumq
  local name=$1
  shift
  node packages/cli/bin/zhumq.js "$@" -o json >"$work/$name.out" 2>"$work/$name.log" </dev/null &
  pids+=($!)
  disown $! # it outlives this script, and its death is reported by us, not by the shell
  echo "${pids[@]}" >"$work/pids"
}

declare -A broker_pid
if [ $zookeeper = 0 ]; then
  step "Starting three brokers on the embedded metadata store"
  launch dev dev --processes --brokers 3 --data-dir "$work/data"
  ready=$(wait_for_line "$work/dev.out" "${pids[-1]}")
  bootstrap=$(field .bootstrap <<<"$ready")
  for id in 1 2 3; do broker_pid[$id]=$(field ".brokers.find((b) => b.id === $id).pid" <<<"$ready"); done
else
  step "Starting three ZooKeeper servers, two zkservers and three brokers"
  servers=$(ZHUMQ_ZOOKEEPER_DIR="$work/zookeeper" bash scripts/zookeeper.sh start 3 | tail -1)
  echo "ZooKeeper: $servers"
  for id in 1 2; do launch "zkserver-$id" zkserver --id $id --zookeeper "$servers/zhumq" --listen 127.0.0.1:0; done
  first=$(wait_for_line "$work/zkserver-1.out" "${pids[0]}")
  wait_for_line "$work/zkserver-2.out" "${pids[1]}" >/dev/null
  bootstrap=$(field .address <<<"$first")
  for id in 1 2 3; do
    launch "broker-$id" broker --id $id --zookeeper "$servers/zhumq" --listen 127.0.0.1:0 --data-dir "$work/data/broker-$id"
    broker_pid[$id]=${pids[-1]}
  done
  for id in 1 2 3; do wait_for_line "$work/broker-$id.out" "${broker_pid[$id]}" >/dev/null; done
fi
export ZHUMQ_BOOTSTRAP=$bootstrap
echo "bootstrap: $bootstrap   broker pids: ${broker_pid[1]} ${broker_pid[2]} ${broker_pid[3]}"

step "Creating a topic with three replicas"
zhumq topic create orders --partitions 1 --replicas 3 --mode raft

step "Producing and consuming $messages messages"
seq -f 'order %g' 1 $messages >"$work/sent"
zhumq produce orders <"$work/sent"
zhumq consume orders --from earliest --max $messages --timeout 10s -o jsonl >"$work/received.jsonl"
values() { node -e 'require("readline").createInterface({input: process.stdin}).on("line", l => console.log(JSON.parse(l).value))'; }
values <"$work/received.jsonl" >"$work/received"
cmp -s "$work/sent" "$work/received" || fail "what was consumed is not what was produced (compare sent and received in $work)"
echo "every message is there, in order"

step "Killing the leader in the middle of producing"
leader=$(zhumq partition describe orders --partition 0 -o json | field '[0].leader')
seq -f 'order %g' $((messages + 1)) $((messages * 2)) >"$work/sent-2"
mkfifo "$work/input"
zhumq produce orders <"$work/input" >"$work/produce.out" 2>"$work/produce.log" &
producer=$!
exec 3>"$work/input"
head -$((messages / 2)) "$work/sent-2" >&3
killed=$(now_ms)
echo "kill -9 ${broker_pid[$leader]}   (broker $leader, the leader)"
kill -9 "${broker_pid[$leader]}"
tail -n +$((messages / 2 + 1)) "$work/sent-2" >&3
exec 3>&-
wait $producer || { cat "$work/produce.log" >&2; fail "producing failed after the leader's death"; }
new_leader=$(zhumq partition describe orders --partition 0 -o json | field '[0].leader')
echo "broker $new_leader leads now; the producer had everything acknowledged $(($(now_ms) - killed)) ms after the kill"
zhumq consume orders --from earliest --max $((messages * 2)) --timeout 10s -o jsonl | values >"$work/received"
cat "$work/sent" "$work/sent-2" | cmp -s - "$work/received" || fail "messages are missing, doubled or out of order (compare in $work)"
echo "all $((messages * 2)) acknowledged messages are there, once, in order"

if [ $once = 1 ]; then
  step "Stopping"
  stop_cluster
  echo "done"
  exit 0
fi

cat <<TEXT

== The cluster keeps running. Try:

  export ZHUMQ_BOOTSTRAP=$bootstrap
  npx zhumq cluster describe
  npx zhumq partition describe orders
  npx zhumq consume orders --from earliest --max 5
  echo hello | npx zhumq produce orders
  npx zhumq topic create events --partitions 6 --replicas 3

  stop it with: kill $(tr ' ' '\n' <"$work/pids" | tr '\n' ' ')
TEXT
