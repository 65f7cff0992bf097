// Measures zhumq and its peers side by side, in turns; writes every result to a file, and the page from it.
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { measureCeilings } = require('./ceiling.js');
const { dumpLog } = require('./dump-log.js');
const { Tools } = require('./install.js');
const { writePage } = require('./report/page.js');

const ROOT = path.join(__dirname, '../..');
const RUN = path.join(ROOT, '.run/bench-peers');
const WORKLOADS = ['produce', 'leader', 'single', 'push', 'native'];

function readArguments(argv) {
  const text = { type: 'string' };
  const { values } = parseArgs({
    args: argv,
    options: {
      ...{ only: text, workloads: text, output: text, 'data-dir': text, from: text },
      duration: { ...text, default: '15' },
      'warm-up': { ...text, default: '3' },
      rounds: { ...text, default: '3' },
      'dump-log': { type: 'boolean', default: false },
    },
  });
  const number = (name, least) => {
    const value = Number(values[name]);
    if (!(value >= least))
      throw new UsageError(`--${name} ${values[name]} is no number from ${least} on`);
    return value;
  };
  const list = (name) => values[name]?.split(',').map((word) => word.trim());
  const workloads = list('workloads') ?? WORKLOADS;
  for (const workload of workloads)
    if (!WORKLOADS.includes(workload))
      throw new UsageError(`there is no workload "${workload}"; there are ${WORKLOADS.join(', ')}`);
  return {
    only: list('only') ?? ['zhumq', 'nats', 'rabbitmq', 'kafka'],
    workloads,
    durationMs: number('duration', 0.5) * 1e3,
    warmUpMs: number('warm-up', 0) * 1e3,
    rounds: number('rounds', 1),
    dumpLog: values['dump-log'],
    output: values.output,
    from: values.from,
    directory: values['data-dir'] ?? os.tmpdir(),
  };
}

class UsageError extends Error {}

async function main(settings, signal) {
  if (settings.from !== undefined) {
    const text = fs.readFileSync(settings.from, 'utf8');
    // An empty file: a page that says that nothing was measured yet.
    return writePage(text === '' ? undefined : JSON.parse(text), settings.output ?? RUN);
  }
  const tools = new Tools(process.env.ZHUMQ_BENCH_CACHE ?? path.join(RUN, 'cache'));
  if (settings.dumpLog) return dumpLog({ tools, signal, directory: settings.directory });
  tools.clients();
  // Its clients are there only now.
  const { peers } = require('./peers.js');
  const chosen = peers(tools).filter(({ key }) =>
    settings.only.some((name) => key === name || key.startsWith(`${name}-`)),
  );
  if (chosen.length === 0) throw new UsageError(`--only ${settings.only.join(',')} leaves nobody`);
  const versions = Object.fromEntries(
    chosen.map((peer) => [peer.key, { name: peer.name, version: peer.version() }]),
  );
  const report = {
    ...machine(),
    settings: { ...settings, output: undefined },
    versions,
    results: [],
  };
  const file = path.join(RUN, `results-${report.date.replace(/[:.]/g, '-')}.json`);
  const keep = (result) => {
    report.results.push(result);
    fs.writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
    say(line(result));
  };
  for (let round = 1; round <= settings.rounds; round++) {
    await measureCeilings({ ...settings, signal, emit: (result) => keep({ round, ...result }) });
    // Every second round the other way about, so that nobody always comes after the same one.
    for (const peer of round % 2 === 1 ? chosen : [...chosen].reverse())
      await measurePeer({ peer, round, settings, signal, keep });
  }
  report.ended = new Date().toISOString();
  fs.writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
  say(`results: ${path.relative(process.cwd(), file)}`);
  writePage(report, settings.output ?? RUN);
  const wrong = report.results.filter(({ verified }) => !verified).length;
  if (wrong > 0) say(`${wrong} results are NOT VERIFIED`);
  return wrong > 0 ? 1 : 0;
}

async function measurePeer({ peer, round, settings, signal, keep }) {
  const { Workloads } = require('./load/workloads.js');
  const runs = peer.runs.filter(({ workload }) => settings.workloads.includes(workload));
  if (runs.length === 0) return;
  const directory = fs.mkdtempSync(path.join(settings.directory, `zhumq-bench-${peer.key}-`));
  let cluster;
  try {
    say(`round ${round}: starting ${peer.name}`);
    cluster = await peer.start({ directory, signal });
    const emit = (result) => keep({ round, peer: peer.key, ...result });
    const { warmUpMs, durationMs } = settings;
    const context = { peer, cluster, signal, warmUpMs, durationMs, emit };
    for (const run of runs) await (run.run?.(context) ?? new Workloads(context).run(run));
  } catch (error) {
    if (signal.aborted) throw error;
    // One that fails is a result too; the others go on.
    keep({
      round,
      peer: peer.key,
      workload: 'failed',
      variant: error.message.split('\n')[0],
      verified: false,
    });
  } finally {
    await (cluster?.stop?.() ?? killAll());
    fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function killAll() {
  const { killServers } = require('./servers/processes.js');
  await killServers();
}

function machine() {
  const [cpu] = os.cpus();
  return {
    date: new Date().toISOString(),
    machine: {
      processor: cpu.model.trim(),
      cores: os.cpus().length,
      memoryGiB: Math.round(os.totalmem() / 2 ** 30),
      system: `${os.type()} ${os.release().split('-')[0]}`,
      node: process.version,
      loadBefore: os.loadavg()[0],
    },
  };
}

function line({ peer, workload, variant, messagesPerSecond, latencyMs, verified, otherCores }) {
  const rate =
    messagesPerSecond === undefined ? '' : `${messagesPerSecond.toLocaleString('en-US')}/s`;
  const latency = latencyMs === undefined ? '' : `p50 ${latencyMs.p50} ms, p99 ${latencyMs.p99} ms`;
  const others = otherCores === undefined ? '' : `(others: ${otherCores} cores)`;
  const said = [workload, peer, variant, rate, latency, others].filter((word) => word !== '');
  return `${said.join('  ')}${verified ? '' : '  NOT VERIFIED'}`;
}

function say(text) {
  process.stderr.write(`bench-peers: ${text}\n`);
}

const EXIT_AFTER = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

const interruption = new AbortController();
let interrupted;
for (const name of Object.keys(EXIT_AFTER))
  process.on(name, () => {
    interrupted ??= name;
    interruption.abort(new Error(`interrupted by ${name}`));
  });

fs.mkdirSync(RUN, { recursive: true });
Promise.resolve()
  .then(() => main(readArguments(process.argv.slice(2)), interruption.signal))
  .then(
    (code) => process.exit(code ?? 0),
    (error) => {
      if (interrupted !== undefined) {
        say(`interrupted by ${interrupted}; everything is stopped`);
        process.exit(EXIT_AFTER[interrupted]);
      }
      const usage = error instanceof UsageError || String(error.code).startsWith('ERR_PARSE_ARGS');
      say(usage ? `${error.message}; see --help` : error.stack);
      process.exit(usage ? 2 : 1);
    },
  );
