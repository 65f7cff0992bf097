#!/usr/bin/env bash
# Runs a ZooKeeper ensemble of this checkout on loopback: plain processes, a state folder, free ports, no installation.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: scripts/zookeeper.sh start [N] | stop | status | kill I | startone I |
                             program | --help

  start [N]    starts N servers (default: those of the state folder, else 3) and waits until they serve;
               running ones are left alone. The last line of output is the connection string.
  stop         stops the servers; their data stay.
  status       one line per server: number, port, pid, mode. Exit status 1 unless all serve.
  kill I       SIGKILL to server I.
  startone I   starts server I again and waits until it answers.
  program      prints the Java and the class path that servers run with, one a line.

State (configuration, data, logs, ports, pids) is in .run/zookeeper of the checkout, or in
ZHUMQ_ZOOKEEPER_DIR. ZooKeeper is taken from ZOOKEEPER_HOME, Debian's package "zookeeper" or the usual
places; Java from JAVA_HOME or the PATH. ZHUMQ_ZOOKEEPER_FSYNC=no skips fsync (tests only).
USAGE
}

fail() {
  echo "zookeeper.sh: $*" >&2
  exit 1
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=${ZHUMQ_ZOOKEEPER_DIR:-$root/.run/zookeeper}
start_limit_s=30
stop_limit_s=10
start_attempts=3

# --- What is installed ---

find_java() {
  java=${JAVA_HOME:+$JAVA_HOME/bin/java}
  java=${java:-$(command -v java || true)}
  [[ -n $java && -x $java ]] || fail "Java is not installed (Debian: apt-get install default-jre-headless)."
}

find_zookeeper() {
  local home
  if [[ -z ${ZOOKEEPER_HOME:-} && -e /usr/share/java/zookeeper.jar ]]; then
    # The manifest of Debian's jar names the rest, but no slf4j binding.
    class_path=/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar
    return
  fi
  for home in ${ZOOKEEPER_HOME:+"$ZOOKEEPER_HOME"} /opt/zookeeper* /opt/apache-zookeeper* \
    /opt/homebrew/opt/zookeeper/libexec /usr/local/opt/zookeeper/libexec; do
    if compgen -G "$home/lib/zookeeper-[0-9]*.jar" >/dev/null; then
      class_path="$home/lib/*"
      return
    fi
    [[ -z ${ZOOKEEPER_HOME:-} ]] || fail "ZOOKEEPER_HOME=$home has no lib/zookeeper-*.jar."
  done
  fail "ZooKeeper is not installed (Debian: apt-get install zookeeper; else set ZOOKEEPER_HOME)."
}

# --- State folder: servers (a line "number client quorum election" each), N/zoo.cfg, N/data, N/log, N/pid ---

servers() { [[ -e $dir/servers ]] && cut -d' ' -f1 "$dir/servers"; }

client_port() { awk -v i="$1" '$1 == i { print $2 }' "$dir/servers"; }

connection_string() { awk '{ printf "%s127.0.0.1:%s", (NR > 1 ? "," : ""), $2 } END { print "" }' "$dir/servers"; }

need_server() {
  [[ ${1:-} =~ ^[0-9]+$ ]] && grep -q "^$1 " "$dir/servers" 2>/dev/null && return
  fail "There is no server \"${1:-}\" in $dir; \"start\" makes them."
}

# Binds each port before handing it out, below the range from which systems give outgoing connections theirs.
free_ports() {
  node -e '
    const net = require("node:net");
    const wanted = Number(process.argv[1]);
    const held = [];
    const next = (tries) => {
      if (held.length === wanted) {
        console.log(held.map((server) => server.address().port).join("\n"));
        return held.forEach((server) => server.close());
      }
      if (tries === 0) { console.error("no free ports"); process.exit(1); }
      const server = net.createServer();
      server.once("error", () => next(tries - 1));
      server.listen(10000 + Math.floor(Math.random() * 22000), "127.0.0.1", () => {
        held.push(server);
        next(tries - 1);
      });
    };
    next(wanted * 50);
  ' "$1"
}

choose_ports() {
  local count=$1 ports i
  mapfile -t ports < <(free_ports $((count * 3)))
  ((${#ports[@]} == count * 3)) || fail "No free ports on 127.0.0.1."
  for ((i = 0; i < count; i++)); do
    echo "$((i + 1)) ${ports[i * 3]} ${ports[i * 3 + 1]} ${ports[i * 3 + 2]}"
  done >"$dir/servers.new"
  mv "$dir/servers.new" "$dir/servers"
}

write_config() {
  local i=$1
  mkdir -p "$dir/$i/data"
  echo "$i" >"$dir/$i/data/myid"
  {
    # Short ticks and limits: tests want elections and expiries within a second or two.
    cat <<CONFIG
tickTime=500
initLimit=20
syncLimit=10
dataDir=$dir/$i/data
clientPort=$(client_port "$i")
clientPortAddress=127.0.0.1
maxClientCnxns=0
minSessionTimeout=1000
maxSessionTimeout=60000
admin.enableServer=false
4lw.commands.whitelist=ruok,srvr,stat,mntr,cons,dump,wchs
autopurge.snapRetainCount=3
autopurge.purgeInterval=1
electionPortBindRetry=10
CONFIG
    if (($(wc -l <"$dir/servers") > 1)); then
      awk '{ printf "server.%s=127.0.0.1:%s:%s\n", $1, $3, $4 }' "$dir/servers"
    fi
  } >"$dir/$i/zoo.cfg"
}

# --- Processes ---

command_line() {
  if [[ -r /proc/$1/cmdline ]]; then tr '\0' ' ' <"/proc/$1/cmdline"; else ps -ww -p "$1" -o args= 2>/dev/null; fi
}

# The pid of server I, if that process is really ours: pids are given again, also after a reboot.
pid_of() {
  local pid
  pid=$(cat "$dir/$1/pid" 2>/dev/null) && [[ $pid =~ ^[0-9]+$ ]] || return 1
  [[ "$(command_line "$pid" 2>/dev/null) " == *" $dir/$1/zoo.cfg "* ]] && echo "$pid"
}

# Right after launch the pid exists, but is not yet a Java with our file (pid_of).
is_dead() { ! kill -0 "$(cat "$dir/$1/pid" 2>/dev/null)" 2>/dev/null; }

launch() {
  local i=$1 detach=()
  write_config "$i"
  if command -v setsid >/dev/null; then detach=(setsid); fi
  "${detach[@]}" "$java" -Xms24m -Xmx96m -Xss256k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData \
    -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true -Dzookeeper.jmx.log4j.disable=true \
    -Dzookeeper.preAllocSize=1024 -Dzookeeper.forceSync="${ZHUMQ_ZOOKEEPER_FSYNC:-yes}" \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true \
    -cp "$class_path" org.apache.zookeeper.server.quorum.QuorumPeerMain "$dir/$i/zoo.cfg" \
    >>"$dir/$i/log" 2>&1 </dev/null 9>&- &
  echo $! >"$dir/$i/pid"
  disown
}

# A four-letter command to server I; nothing within a second counts as no answer.
ask() (
  exec 3<>"/dev/tcp/127.0.0.1/$(client_port "$1")" && printf %s "$2" >&3 || exit 0
  IFS= read -r -d '' -t 1 -u 3 answer || true
  printf '%s\n' "$answer"
) 2>/dev/null

mode_of() { ask "$1" srvr | awk '/^Mode/ { print $2 }'; }

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.05
  done
}

all_serve() {
  local i
  for i in $(servers); do
    is_dead "$i" && return 0 # the caller looks why
    case $(mode_of "$i") in leader | follower | standalone) ;; *) return 1 ;; esac
  done
}

none_runs() {
  local i
  for i in $(servers); do
    if pid_of "$i" >/dev/null; then return 1; fi
  done
}

answers() { is_dead "$1" || [[ -n $(ask "$1" ruok) ]]; }

signal_all() {
  local i pid
  for i in $(servers); do
    if pid=$(pid_of "$i"); then kill "-$1" "$pid" 2>/dev/null || true; fi
  done
}

# --- Commands ---

start() {
  local count=${1:-} have attempt i
  have=$(servers | wc -l) || have=0
  count=${count:-$((have > 0 ? have : 3))}
  [[ $count =~ ^[1-9][0-9]?$ ]] || fail "\"$count\" is no number of servers."
  ((have == 0 || have == count)) || fail "$dir is an ensemble of $have servers; remove it for one of $count."
  for ((attempt = 1; attempt <= start_attempts; attempt++)); do
    # Somebody else may have taken a port since it was chosen: new ones then, for all (each server lists them).
    if ((have == 0 || attempt > 1)); then choose_ports "$count"; fi
    for i in $(servers); do
      if ! pid_of "$i" >/dev/null; then launch "$i"; fi
    done
    wait_for "$start_limit_s" all_serve || true
    if status >/dev/null; then
      connection_string
      return
    fi
    grep -qs 'BindException\|Address already in use' "$dir"/*/log || break
    stop
    rm -f "$dir"/*/log
  done
  fail "The servers do not serve after $start_limit_s s; see $dir/*/log."
}

stop() {
  signal_all TERM
  signal_all CONT # a stopped process would not see it
  wait_for "$stop_limit_s" none_runs || {
    signal_all KILL
    wait_for "$stop_limit_s" none_runs || fail "Some servers do not end."
  }
  local i
  for i in $(servers); do rm -f "$dir/$i/pid"; done
}

status() {
  local i pid mode bad=0
  [[ -e $dir/servers ]] || { echo "no servers in $dir"; return 1; }
  for i in $(servers); do
    pid=$(pid_of "$i") || pid=-
    mode=$([[ $pid == - ]] || mode_of "$i")
    [[ -n $mode ]] || bad=1
    echo "$i port $(client_port "$i") pid $pid mode ${mode:--}"
  done
  return "$bad"
}

kill_one() {
  local pid
  pid=$(pid_of "$1") || fail "Server $1 does not run."
  kill -KILL "$pid"
  # Until it is gone, so that what follows sees the world without it.
  gone() { ! pid_of "$1" >/dev/null; }
  wait_for "$stop_limit_s" gone "$1" || fail "Server $1 does not end."
}

start_one() {
  if ! pid_of "$1" >/dev/null; then launch "$1"; fi
  wait_for "$start_limit_s" answers "$1" && pid_of "$1" >/dev/null || fail "Server $1 does not answer; see $dir/$1/log."
}

# One command at a time per state folder.
lock() {
  mkdir -p "$dir"
  exec 9>"$dir/lock"
  if command -v flock >/dev/null; then flock -w 120 9 || fail "Another command is busy with $dir."; fi
}

command=${1:-}
case $command in
  start | startone)
    find_java
    find_zookeeper
    lock
    if [[ $command == start ]]; then
      start "${2:-}"
    else
      need_server "${2:-}"
      start_one "$2"
    fi
    ;;
  stop)
    [[ -e $dir/servers ]] || exit 0
    lock
    stop
    ;;
  status) status ;;
  kill)
    need_server "${2:-}"
    kill_one "$2"
    ;;
  program)
    find_java
    find_zookeeper
    printf '%s\n' "$java" "$class_path"
    ;;
  --help | -h) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
