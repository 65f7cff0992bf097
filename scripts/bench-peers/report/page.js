// The page of results: the text of page.md with tables of medians, and a chart for each workload.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { chart } = require('./chart.js');

const TEXT = path.join(__dirname, 'page.md');
/** Cores that others may keep busy on a machine that is called quiet. */
const QUIET_CORES = 0.15;

const WORKLOADS = [
  { workload: 'produce', title: 'Produce, acknowledged by a majority', unit: 'messages/s' },
  { workload: 'leader', title: 'Produce, acknowledged by the leader alone', unit: 'messages/s' },
  { workload: 'consume', title: 'Consume what was produced', unit: 'messages/s' },
  { workload: 'single', title: 'One message outstanding', unit: 'ms (median latency)' },
  {
    workload: 'push',
    title: 'From send to handler at 1,000 messages/s',
    unit: 'ms (median latency)',
  },
];
const NAMES = { pipe: 'plain sockets and files' };

/** `report`: of main.js; undefined: nothing was measured. */
function writePage(report, folder) {
  const charts = path.join(folder, 'benchmarks');
  fs.rmSync(charts, { recursive: true, force: true });
  fs.mkdirSync(charts, { recursive: true });
  const text = fs.readFileSync(TEXT, 'utf8');
  const file = path.join(folder, 'benchmarks.md');
  fs.writeFileSync(
    file,
    text.replace('{{results}}', () => results(report, charts).trim()),
  );
  if (report === undefined) fs.rmSync(charts, { recursive: true });
  process.stderr.write(`bench-peers: page: ${path.relative(process.cwd(), file)}\n`);
}

function results(report, charts) {
  if (report === undefined)
    return 'Nothing was measured on a quiet machine yet, so there are no figures here.';
  return [
    circumstances(report),
    ...WORKLOADS.map((one) => section(report, one, charts)),
    failures(report),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function circumstances({ date, machine, settings, versions, results: all, ended }) {
  const others = all.map(({ otherCores }) => otherCores).filter((cores) => cores !== undefined);
  const [busy, most] = [middle(others), Math.max(...others, 0)];
  const seconds = settings.durationMs / 1e3;
  const names = Object.values(versions).map(({ name, version }) => `${name} ${version}`);
  return [
    `Taken ${date.slice(0, 16).replace('T', ' ')} UTC: ${machine.processor}, ${machine.cores} cores, ` +
      `${machine.memoryGiB} GiB, ${machine.system}, Node.js ${machine.node}; ${settings.rounds} rounds of ${seconds} s each` +
      `${ended === undefined ? ', **not all of them: the run was interrupted**' : ''}. ${names.join(', ')}.`,
    '',
    `Other programs kept ${busy.toFixed(2)} cores busy meanwhile (median; at most ${most.toFixed(2)})` +
      (busy > QUIET_CORES
        ? ': **the machine was not quiet, so these figures say that the rig works, and nothing about who is faster.**'
        : '.') +
      (settings.rounds < 3 ? ' Fewer than three rounds: no spread to speak of.' : ''),
  ].join('\n');
}

function section(report, { workload, title, unit }, charts) {
  const rows = grouped(report, workload);
  if (rows.length === 0) return '';
  const isLatency = unit.startsWith('ms');
  const file = `${workload}.svg`;
  const bars = rows.map(({ name, variant, rate, p50, ours }) => ({
    label: `${name}: ${variant}`,
    ours,
    ...(isLatency ? p50 : rate),
  }));
  bars.sort((one, other) => (isLatency ? one.value - other.value : other.value - one.value));
  fs.writeFileSync(path.join(charts, file), chart({ title, unit, bars, logarithmic: isLatency }));
  const reference = rows.find(({ ours }) => ours);
  return [
    `### ${title}`,
    '',
    `![${title}](benchmarks/${file})`,
    '',
    `| queue | run | messages/s (min - max) | x zhumq | p50 ms | p99 ms | p99.9 ms | server CPU s per million | verified |`,
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => tableRow(row, reference, isLatency)),
  ].join('\n');
}

function tableRow({ name, variant, rate, p50, p99, p999, cpu, verified }, reference, isLatency) {
  const [mine, theirs] = isLatency
    ? [p50?.value, reference?.p50?.value]
    : [rate.value, reference?.rate.value];
  const ratio = theirs > 0 ? (mine / theirs).toFixed(2) : '';
  const figure = (value) => (value === undefined ? '' : value.value.toLocaleString('en-US'));
  const spread = `${rate.value.toLocaleString('en-US')} (${rate.min.toLocaleString('en-US')} - ${rate.max.toLocaleString('en-US')})`;
  const cells = [
    name,
    variant,
    spread,
    ratio,
    figure(p50),
    figure(p99),
    figure(p999),
    figure(cpu),
    verified,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Medians over the rounds, in the order of the first round. */
function grouped({ versions, results: all }, workload) {
  const groups = new Map();
  for (const result of all.filter((one) => one.workload === workload)) {
    const key = `${result.peer}\n${result.variant}`;
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()].map((rounds) => {
    const [{ peer, variant, verification }] = rounds;
    const of = (pick) => summary(rounds.map(pick));
    const good = rounds.every(({ verified }) => verified) ? (verification ?? 'content') : '**no**';
    return {
      ...{
        name: NAMES[peer] ?? versions[peer].name,
        variant,
        ours: peer === 'zhumq',
        verified: good,
      },
      rate: of(({ messagesPerSecond }) => messagesPerSecond),
      p50: of(({ latencyMs }) => latencyMs?.p50),
      p99: of(({ latencyMs }) => latencyMs?.p99),
      p999: of(({ latencyMs }) => latencyMs?.p999),
      cpu: of(({ cpuSecondsPerMillion }) => cpuSecondsPerMillion?.servers),
    };
  });
}

function summary(values) {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return undefined;
  return { value: middle(known), min: Math.min(...known), max: Math.max(...known) };
}

function middle(values) {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[(sorted.length - 1) >> 1];
}

function failures({ versions, results: all }) {
  const failed = all.filter(({ workload }) => workload === 'failed');
  if (failed.length === 0) return '';
  const lines = failed.map(
    ({ peer, round, variant }) => `- ${versions[peer].name}, round ${round}: ${variant}`,
  );
  return ['### Failed', '', ...lines].join('\n');
}

module.exports = { writePage };
