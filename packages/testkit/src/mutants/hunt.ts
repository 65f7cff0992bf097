// Runs trial.js in a copy of the tree and reads what it says, until a seed fails, the seeds or the time are over, or the
// program is no more.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Hunt } from './mutant.js';
import { UNCAUGHT } from './trial-line.js';
import type { TrialLine } from './trial-line.js';

const TRIAL = 'packages/testkit/dist/mutants/trial.js';
const HEAP_MEBIBYTES = 2_000;
const MAX_ERROR_CHARACTERS = 4_000;
/** A program that takes so many times its processor time waits for others, or never ends. */
const WALL_PER_CPU = 60;

export interface HuntResult {
  readonly end: 'found' | 'seeds' | 'time' | 'crashed';
  /** Seeds that ran to their end. */
  readonly seeds: number;
  readonly events: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Of the seed that failed. */
  readonly seed?: number;
  readonly check?: string;
  readonly sentence?: string;
  /** Seeds in which a program died of an error that nobody caught, and the first of these errors. */
  readonly uncaught?: { readonly seeds: number; readonly sentence: string };
}

/** `limitSeconds`: of processor time. */
export function hunt(root: string, run: Hunt, limitSeconds: number): Promise<HuntResult> {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    const { scenario, seed, seeds, durationMs } = run;
    const numbers = [seed, seeds, limitSeconds, ...(durationMs === undefined ? [] : [durationMs])];
    const child = spawn(
      process.execPath,
      [
        `--max-old-space-size=${HEAP_MEBIBYTES}`,
        join(root, TRIAL),
        scenario,
        ...numbers.map(String),
      ],
      { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const state = { seeds: 0, events: 0, cpuSeconds: 0, overTime: false, errors: '' };
    let found: Pick<HuntResult, 'seed' | 'check' | 'sentence'> | undefined;
    let uncaught: HuntResult['uncaught'];
    const timer = setTimeout(
      () => {
        state.overTime = true;
        child.kill('SIGKILL');
      },
      limitSeconds * WALL_PER_CPU * 1000,
    );
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as TrialLine;
      state.seeds++;
      state.events += line.events;
      state.cpuSeconds = line.cpuSeconds;
      const verdict = line.findings.find(({ check }) => check !== UNCAUGHT);
      if (verdict !== undefined) found = { seed: line.seed, ...verdict };
      else if (line.findings.length > 0) {
        const { sentence } = line.findings[0];
        uncaught = { seeds: (uncaught?.seeds ?? 0) + 1, sentence: uncaught?.sentence ?? sentence };
      }
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      state.errors = (state.errors + text).slice(-MAX_ERROR_CHARACTERS);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const result = {
        ...{ seeds: state.seeds, events: state.events },
        seconds: (performance.now() - startedMs) / 1000,
        cpuSeconds: state.cpuSeconds,
        ...(uncaught === undefined ? {} : { uncaught }),
      };
      if (found !== undefined) return resolve({ end: 'found', ...result, ...found });
      if (state.overTime) return resolve({ end: 'time', ...result });
      if (code === 0) {
        const isAll = state.seeds === seeds;
        return resolve({ end: isAll ? 'seeds' : 'time', ...result });
      }
      const sentence = state.errors.trim() || `it ended with ${signal ?? `code ${code}`}`;
      resolve({ end: 'crashed', ...result, sentence });
    });
  });
}
