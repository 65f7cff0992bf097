// Servers as child processes: each in a process group of its own, so that nothing of it stays behind.
'use strict';
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const { setTimeout: delay } = require('node:timers/promises');

const running = new Set();

/** A program with everything that it starts; its output is kept in a file. */
class Server {
  constructor(name, program, args, { log, env, cwd }) {
    this.name = name;
    this.log = log;
    const output = fs.openSync(log, 'a');
    this.child = spawn(program, args, {
      stdio: ['ignore', output, output],
      detached: true,
      env: env ?? process.env,
      cwd,
    });
    fs.closeSync(output);
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    this.child.once('error', (error) => fs.appendFileSync(log, `${error.message}\n`));
    running.add(this);
    void this.ended.then(() => running.delete(this));
  }

  get isRunning() {
    return (
      this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null
    );
  }

  /** Its data are of no more use, so it is not asked. */
  async kill() {
    killGroup(this.child.pid);
    await this.ended;
  }

  /** Those of its group: the program itself may be a script. */
  pids() {
    return groupOf(this.child.pid);
  }
}

function killGroup(pid) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function groupOf(leader) {
  return fs.readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = fs.readFileSync(`/proc/${entry}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(fields[2]) === leader ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

async function killServers() {
  await Promise.all([...running].map((server) => server.kill()));
}

// Whatever happens to this process, no server outlives it.
process.on('exit', () => {
  for (const server of running) killGroup(server.child.pid);
});

/** Ports that are free now, below the range that systems give outgoing connections. */
async function freePorts(count) {
  const held = [];
  for (let tries = 0; held.length < count; tries++) {
    if (tries > count * 50) throw new Error('no free ports on 127.0.0.1');
    const server = net.createServer();
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const bound = await new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (bound) held.push(server);
  }
  const ports = held.map((server) => server.address().port);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** `attempt` until it gives something; gives up when a server ends, or after the limit. */
async function until(what, servers, attempt, { signal, limitMs = 120_000 }) {
  const end = performance.now() + limitMs;
  let last;
  for (;;) {
    signal.throwIfAborted();
    const dead = servers.find((server) => !server.isRunning);
    if (dead !== undefined) throw new Error(`${dead.name} ended at its start: ${tail(dead.log)}`);
    try {
      const value = await attempt();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end)
      throw new Error(
        `${what} took longer than ${limitMs / 1000} s (${last?.message ?? 'no answer'})`,
      );
    await delay(200, undefined, { signal });
  }
}

function tail(file) {
  return fs.readFileSync(file, 'utf8').trim().split('\n').slice(-4).join(' | ');
}

module.exports = { Server, freePorts, killServers, until };
