// The regression guard: a short benchmark, as a share of the ceiling that is measured in turns with it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeRatio } from '@zhumq/bench';
import type { Baseline, GuardRound } from '@zhumq/bench';
import { ZhumqCommand } from './support/zhumq-command.js';

jest.setTimeout(180_000);

const FILE = join(__dirname, 'bench-baseline.json');
const ROUNDS = ['--rounds', '3', '--duration', '1500ms', '--warm-up', '700ms', '--ceiling', '1s'];

test('produce reaches its share of the ceiling: no regression of more than 25 %', async () => {
  const { code, stdout } = await new ZhumqCommand().run([
    'bench',
    'produce',
    ...ROUNDS,
    '-o',
    'json',
  ]);
  expect(code).toBe(0);
  const { rounds } = JSON.parse(stdout) as { rounds: readonly GuardRound[] };
  const baseline = JSON.parse(readFileSync(FILE, 'utf8')) as Baseline;
  const judged = judgeRatio(rounds, baseline);
  console.log(`${judged.verdict}: ${JSON.stringify({ ...judged, baseline, rounds })}`);
  if (process.env.UPDATE_BASELINE === '1') {
    const busy = Math.max(...rounds.map(({ otherCores }) => otherCores ?? 0));
    const taken = `${new Date().toISOString().slice(0, 10)}, others kept ${busy} cores busy at most`;
    const measured = { ...baseline, ratioToCeiling: Number(judged.ratio.toFixed(3)), taken };
    writeFileSync(FILE, `${JSON.stringify(measured, undefined, 2)}\n`);
    return;
  }
  expect(judged.verdict).not.toBe('fallen');
});
