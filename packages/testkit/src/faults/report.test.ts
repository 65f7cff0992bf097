// What makes a run clean, and what a row of the ledger says.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Verdict } from '../check/judge.js';
import { parseCommand } from './command.js';
import { appendToLedger, reportOf } from './report.js';
import type { RunFacts } from './report.js';
import { Tally } from './tally.js';

const FACTS: RunFacts = {
  ...{ seed: 7, commit: 'abc', durationSeconds: 600, network: 'namespaces', brokers: 3 },
  ...{ leftOut: [], switches: 2, sent: 10, acknowledged: 9, failures: [] },
};
const NO_ANOMALY: Verdict = {
  ...{ run: '', events: { send: 10, sent: 9 }, violations: 0, anomalies: {}, examples: [] },
};

test('clean is only what was judged, without an anomaly and without a failure', () => {
  const tally = new Tally();
  expect(reportOf(FACTS, tally, NO_ANOMALY)).toMatchObject({ verdict: 'clean', events: 19 });
  const lost = { ...NO_ANOMALY, violations: 1, anomalies: { 'lost-write': 1 } };
  expect(reportOf(FACTS, tally, lost)).toMatchObject({
    ...{ verdict: 'not clean', anomalies: { 'lost-write': 1 } },
  });
  const failed = { ...FACTS, failures: ['a program failed'] };
  expect(reportOf(failed, tally, NO_ANOMALY).verdict).toBe('not clean');
  expect(reportOf(FACTS, tally, undefined).verdict).toBe('not clean');
});

test('a run appends one row with as many cells as the table has; one without rounds appends none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-'));
  const file = join(folder, 'ledger.md');
  try {
    writeFileSync(file, '');
    const tally = new Tally();
    appendToLedger(file, reportOf(FACTS, tally, NO_ANOMALY), 'kill-broker');
    expect(readFileSync(file, 'utf8')).toBe('');
    tally.add({
      ...{ number: 1, nemesis: 'kill-broker', target: 'broker-1', resumes: 'bounded', seconds: 1 },
      ...{ times: { 'raft/all': 700 }, stalled: [] },
    });
    appendToLedger(file, reportOf(FACTS, tally, NO_ANOMALY), 'kill-broker');
    expect(readFileSync(file, 'utf8')).toBe(
      '| 7 | abc | 10 min | 3 | namespaces | kill-broker | 1 | 1 | 0 | 9 | 2 | 0 | 700 / 700 / 700 (0 of 1) | - |\n',
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the command refuses what it can not do, by name', () => {
  expect(parseCommand(['--seed', '5', '--duration', '1h', '-o', 'json'])).toMatchObject({
    ...{ seed: 5, durationMs: 3_600_000, json: true, brokers: undefined, zookeepers: 3 },
  });
  expect(() => parseCommand(['--brokers', '2'])).toThrow('--brokers 2: it takes a whole number');
  expect(() => parseCommand(['--duration', 'soon'])).toThrow('--duration soon: it takes a time');
  expect(() => parseCommand(['--network', 'none'])).toThrow('--network none: it is one of auto');
});
