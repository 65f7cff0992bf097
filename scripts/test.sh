#!/usr/bin/env bash
# Sets up what is missing, then runs the checks and the test suites and sums their results.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'USAGE'
Usage: scripts/test.sh [--only unit|integration|e2e|lint]

Installs what is missing, builds, checks the generated code, lints, type-checks and runs every
test suite. The last line is "N passed, N failed"; the exit status is 1 if anything failed.

  --only SUITE   run one suite (lint: generated code, lint and types; no system packages installed)
  --help         this text
USAGE
}

only=all
while (($#)); do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --only) only=${2:-}; shift $(($# > 1 ? 2 : 1)) ;;
    --only=*) only=${1#--only=}; shift ;;
    *) echo "Unknown argument: $1" >&2; usage >&2; exit 2 ;;
  esac
done
case $only in
  all | unit | integration | e2e | lint) ;;
  *) echo "--only takes unit, integration, e2e or lint, not \"$only\"." >&2; exit 2 ;;
esac

export TZ=UTC
# Tests that judge times have the machine for themselves; the other integration tests share its cores.
alone='/(bench|bench-guard|consumer-memory|delivery-models|failover|faults|fetch-mode|fuzz-frames|groups-chaos|kill-everything|member-liveness|metadata-zookeeper|push-delivery|python-client|replicas|stalled-push|store-outage|switch-crashes|switch-under-load)\.test\.ts$'
reports=$PWD/.run/reports
rm -rf "$reports"
mkdir -p "$reports"
passed=0
failed=0
notes=()

# The summary is the last thing printed, however the run ends.
finish() {
  local status=$?
  if ((status != 0 && failed == 0)); then failed=1; fi
  if ((${#notes[@]})); then printf '%s\n' "${notes[@]}"; fi
  echo "$passed passed, $failed failed"
  if ((failed > 0)); then exit 1; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

# timed NAME COMMAND...: runs a command and prints one line with its result and duration.
timed() {
  local name=$1 start=$EPOCHREALTIME status=0 micros
  shift
  "$@" 2>&1 || status=$?
  micros=$((${EPOCHREALTIME/[.,]/} - ${start/[.,]/}))
  printf -- '-- %-12s %-6s %d.%d s\n' "$name" "$( ((status == 0)) && echo ok || echo FAILED)" \
    $((micros / 1000000)) $((micros % 1000000 / 100000))
  return "$status"
}

# step NAME COMMAND...: a timed command whose failure counts as one and does not stop the rest.
step() { timed "$@" || failed=$((failed + 1)); }

wants() { [[ $only == all || " $* " == *" $only "* ]]; }

# node_modules is current when it was installed from this very lockfile.
install_modules() {
  cmp -s package-lock.json node_modules/.zhumq-lock && return
  npm ci --loglevel=error && cp package-lock.json node_modules/.zhumq-lock
}

# The ZooKeeper the integration tests run on, the Thrift compiler the generator runs, Thrift's library for Python, and what
# network namespaces of the fault runs need.
install_debian() {
  local missing=() sudo=()
  [[ -e /usr/share/java/zookeeper.jar ]] || missing+=(zookeeper)
  command -v thrift >/dev/null || missing+=(thrift-compiler)
  /usr/bin/python3 -c 'import thrift' 2>/dev/null || missing+=(python3-thrift)
  command -v java >/dev/null || missing+=(default-jre-headless)
  PATH=$PATH:/usr/sbin:/sbin command -v ip >/dev/null || missing+=(iproute2)
  PATH=$PATH:/usr/sbin:/sbin command -v nft >/dev/null || missing+=(nftables)
  ((${#missing[@]})) || return 0
  if ! command -v apt-get >/dev/null; then
    echo "Please install these by hand (Debian names): ${missing[*]}."
    return 1
  fi
  if ((EUID != 0)); then
    if ! sudo -n true 2>/dev/null; then
      echo "Please run as root: apt-get install ${missing[*]}."
      return 1
    fi
    sudo=(sudo -n)
  fi
  "${sudo[@]}" apt-get update -qq &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# limited SECONDS COMMAND...: ends a command that hangs, and all that it started in its process group.
limited() {
  if command -v timeout >/dev/null; then timeout --kill-after=10 "$@"; else "${@:2}"; fi
}

# counts REPORT: "passed failed" of a Jest report; a file that could not run counts as one failure.
counts() {
  node -e '
    let report;
    try { report = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")); } catch {}
    const broken = report?.numRuntimeErrorTestSuites ?? 0;
    console.log(report?.numPassedTests ?? 0, (report?.numFailedTests ?? 0) + broken);
  ' "$1"
}

# next_look REPORT: the files to run once more, as one pattern, and how many of their tests had passed. Nothing when more
# than four files failed, or when a checker of histories found an anomaly: that is never a matter of time.
next_look() {
  node -e '
    const { testResults } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    const failed = testResults.filter(({ status }) => status === "failed");
    const text = failed.map(({ message }) => message.replace(/^.*\|.*$/gm, "")).join("\n");
    const unsafe = /anomal|^\S+: \S+-\d+: .*\(line \d/im.test(text);
    if (failed.length === 0 || failed.length > 4 || unsafe) process.exit(1);
    const passed = failed.flatMap((file) => file.assertionResults).filter(({ status }) => status === "passed");
    const names = failed.map(({ name }) => require("path").relative(".", name).replaceAll(".", "\\."));
    console.log(`/(${names.join("|")})$`, passed.length);
  ' "$1" 2>/dev/null
}

# failures REPORT: a line for each test that failed, which stay in sight at the end of a long output.
failures() {
  node -e '
    const { testResults } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    for (const { name, status, message, assertionResults } of testResults) {
      const file = require("path").basename(name);
      const failed = assertionResults.filter((test) => test.status === "failed");
      const first = (text) => (text ?? "").split("\n").find((line) => line.trim() !== "") ?? "";
      for (const { fullName, failureMessages } of failed) console.log(`   ${file}: ${fullName}: ${first(failureMessages[0])}`);
      if (status === "failed" && failed.length === 0) console.log(`   ${file}: ${first(message)}`);
    }
  ' "$1" 2>/dev/null || true
}

# suite NAME LIMIT_S PROJECT [ARGUMENT...]: runs Jest; its report says how many passed and failed. Files that fail are
# run again by themselves, at most twice, because many wait for real sockets and processes; all is printed.
suite() {
  local name=$1 limit_s=$2 project=$3 report=$reports/$1.json status=0 ok bad look pattern before again_ok again_bad
  shift 3
  timed "$name" limited "$limit_s" npm run --silent "test:$project" -- --json --outputFile="$report" "$@" || status=$?
  read -r ok bad <<<"$(counts "$report")"
  if ((status != 0 && bad == 0)); then bad=1; fi
  for look in 2 3; do
    if ((bad == 0)) || ! read -r pattern before < <(next_look "$report"); then break; fi
    notes+=("$name, look $((look - 1)): $bad failed" "$(failures "$report")")
    echo "-- $name: $bad failed; look $look, by themselves: $pattern"
    report=$reports/$name.$look.json
    status=0
    timed "$name $look" limited "$limit_s" npm run --silent "test:$project" -- --json --outputFile="$report" \
      --testPathPatterns "$pattern" || status=$?
    read -r again_ok again_bad <<<"$(counts "$report")"
    if ((status != 0 && again_bad == 0)); then again_bad=1; fi
    ok=$((ok - before + again_ok))
    bad=$again_bad
  done
  if ((bad > 0)); then notes+=("$name: $bad failed" "$(failures "$report")"); fi
  passed=$((passed + ok))
  failed=$((failed + bad))
}

timed install install_modules
if wants integration e2e; then step debian install_debian; fi
if wants lint && [[ -e scripts/generate.sh ]]; then step generate bash scripts/generate.sh --check; fi
if wants integration e2e; then step build npm run --silent build; fi
if wants lint; then
  step lint npm run --silent lint
  step typecheck npm run --silent typecheck
fi
if wants unit; then suite unit 900 unit; fi
if wants integration; then
  suite together 1200 together --testPathIgnorePatterns "$alone"
  suite integration 1800 integration --testPathPatterns "$alone"
fi
if wants e2e; then suite e2e 600 e2e; fi
