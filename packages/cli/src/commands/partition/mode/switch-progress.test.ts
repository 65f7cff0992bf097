// Steps are told once each; in place on a terminal only.
import type { PartitionSwitch } from '@zhumq/client';
import { SwitchProgress } from './switch-progress.js';

let nowMs: number;
let written: string[];
let progress: SwitchProgress;
beforeEach(() => {
  nowMs = 1000;
  written = [];
});
afterEach(() => progress.end());

function start(terminal: { isTTY?: boolean; columns?: number } = {}): void {
  const output = { ...terminal, write: (text: string) => void written.push(text) };
  progress = new SwitchProgress('t', output, () => nowMs);
}

function states(...given: string[]): PartitionSwitch[] {
  return given.map((state, partition) => ({
    ...{ partition, to: 'fetch', state, reason: state === 'refused' ? 'no' : '', id: 'i' },
    ended: ['done', 'refused', 'given-up'].includes(state),
    ...{ mode: state === 'done' ? 'fetch' : 'raft', generation: state === 'done' ? 2 : 1 },
  }));
}

test('off a terminal: a line for each step, without control characters', () => {
  start();
  progress.show(states('seal', 'waiting', 'refused'));
  nowMs = 1050;
  progress.show(states('close', 'seal', 'refused'));
  nowMs = 1090;
  progress.show(states('done', 'seal', 'refused'));
  nowMs = 1100;
  progress.show(states('done', 'done', 'refused'));
  expect(written).toEqual([
    't-0 seal\n',
    't-1 waiting\n',
    't-2 refused (mode raft, generation 1, 0 ms)\n',
    't-0 close\n',
    't-1 seal\n',
    't-0 done (mode fetch, generation 2, 90 ms)\n',
    't-1 done (mode fetch, generation 2, 50 ms)\n',
  ]);
});

test('the time of a partition that waited for others begins with its first step', () => {
  start();
  progress.show(states('seal', 'waiting'));
  nowMs = 2000;
  progress.show(states('done', 'seal'));
  nowMs = 2500;
  progress.show(states('done', 'done'));
  expect([progress.durationMs(0), progress.durationMs(1)]).toEqual([1000, 500]);
});

test('what had ended before anything was done took no time', () => {
  start();
  nowMs = 1024;
  progress.show(states('done', 'refused'));
  expect([progress.durationMs(0), progress.durationMs(1)]).toEqual([0, 0]);
});

test('on a terminal: one line in place, no wider than that, gone at the end', () => {
  start({ isTTY: true, columns: 60 });
  progress.show(states('seal', 'seal', 'seal', 'close', 'seal', 'done', 'refused', 'waiting'));
  expect(written).toHaveLength(1);
  expect(written[0]).toBe('\r\x1b[Kt: 1 of 8 done; 1 not possible; t-0 seal, t-1 seal, t-2 sea');
  progress.end();
  expect(written.at(-1)).toBe('\r\x1b[K');
});
