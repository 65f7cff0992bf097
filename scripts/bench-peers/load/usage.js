// What a stretch of a run cost: processor time of servers, of load processes, and of everything else on the machine.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const { usageOf } = require(
  path.join(__dirname, '../../../packages/bench/dist/cluster/process-usage.js'),
);
const TICK_SECONDS = 0.01;

class Usage {
  constructor(servers, clients) {
    this.groups = {
      servers: servers.flatMap((server) => server.pids()),
      clients: [...clients, process.pid],
    };
    this.beganMs = performance.now();
    this.before = { servers: cpu(this.groups.servers), clients: cpu(this.groups.clients) };
    this.machineBefore = machineSeconds();
  }

  /** `messages`: what the cost is shared by. */
  end(messages) {
    const seconds = (performance.now() - this.beganMs) / 1e3;
    const servers = cpu(this.groups.servers) - this.before.servers;
    const clients = cpu(this.groups.clients) - this.before.clients;
    const machine = machineSeconds();
    const busy = machine.busy - this.machineBefore.busy;
    const million = Math.max(1, messages) / 1e6;
    return {
      cpuSecondsPerMillion: {
        servers: rounded(servers / million, 1),
        clients: rounded(clients / million, 1),
      },
      peakRssBytes: this.groups.servers.reduce(
        (sum, pid) => sum + (usageOf(pid)?.peakRssBytes ?? 0),
        0,
      ),
      /** Cores that others kept busy meanwhile, and that the host took away. */
      otherCores: rounded(Math.max(0, busy - servers - clients) / seconds, 2),
      stolenCores: rounded((machine.stolen - this.machineBefore.stolen) / seconds, 2),
    };
  }
}

function cpu(pids) {
  return pids.reduce((sum, pid) => sum + (usageOf(pid)?.cpuSeconds ?? 0), 0);
}

function machineSeconds() {
  const [line] = fs.readFileSync('/proc/stat', 'latin1').split('\n');
  const [user, nice, system, , , irq, softirq, stolen] = line.split(/\s+/).slice(1).map(Number);
  return {
    busy: (user + nice + system + irq + softirq) * TICK_SECONDS,
    stolen: stolen * TICK_SECONDS,
  };
}

function rounded(value, digits) {
  return Number(value.toFixed(digits));
}

module.exports = { Usage, rounded };
