// The rounds of a run: a fault begins, producers go on (in time, where that is promised), the fault ends, everything
// catches up; again, until the time is over. How long faults last is real time.
import type { Client } from '@zhumq/client';
import type { Recorder } from '../history/history.js';
import { nemesisOf } from './nemeses/catalogue.js';
import type { NemesisName } from './nemeses/catalogue.js';
import type { Fault } from './nemeses/nemesis.js';
import type { ProcessCluster } from './processes/process-cluster.js';
import type { Schedule } from './schedule.js';
import { untilCaughtUp } from './settle.js';
import type { ResumeMeter, ResumeTimes } from './workload/resume-meter.js';
import { RAFT_TOPIC } from './workload/workload.js';

/** While a fault lasts; who has not gone on by then waits for its end. */
const MEANWHILE_MS = 20_000;
/** After the end of a fault. */
const AFTERWARDS_MS = 90_000;
const CAUGHT_UP_MS = 120_000;

export interface FinishedRound {
  readonly number: number;
  readonly nemesis: NemesisName;
  readonly target: string;
  readonly resumes: Fault['resumes'];
  readonly seconds: number;
  /** Since the fault began (bounded, meanwhile) or ended (afterwards). */
  readonly times: ResumeTimes;
  /** What did not go on while the fault lasted, although it should. */
  readonly stalled: readonly string[];
}

export interface RoundsContext {
  readonly cluster: ProcessCluster;
  readonly meter: ResumeMeter;
  readonly history: Recorder;
  readonly schedule: Schedule;
  /** For administration only. */
  readonly client: Client;
  readonly topics: readonly string[];
  readonly durationMs: number;
  readonly rounds: number;
  readonly onRound: (round: FinishedRound) => void;
  /** At the begin of each round. */
  readonly log: (line: string) => void;
}

/** Rejects when the cluster does not come back after a fault has ended. */
export async function runRounds(context: RoundsContext): Promise<void> {
  const end = performance.now() + context.durationMs;
  for (let number = 1; number <= context.rounds && performance.now() < end; number++)
    context.onRound(await runRound(context, number));
}

async function runRound(context: RoundsContext, number: number): Promise<FinishedRound> {
  const { cluster, meter, history, schedule, client, topics, log } = context;
  const { nemesis, random } = schedule.round(number);
  const fault = nemesisOf(nemesis).plan(cluster, random);
  const { target, holdMs, resumes } = fault;
  log(`round ${number}: ${nemesis} ${target}`);
  const startedAt = performance.now();
  history.record({ kind: 'fault', fault: nemesis, target, phase: 'begun' });
  const held = passed(holdMs);
  const begun = meter.mark();
  await fault.begin();
  let stalled: readonly string[] = [];
  const topic = fault.waitsForRaftOnly === true ? RAFT_TOPIC : undefined;
  if (resumes !== 'afterwards' && !(await begun.resumed(MEANWHILE_MS, topic)))
    stalled = begun.missing;
  await held;
  const ended = meter.mark();
  await fault.end();
  history.record({ kind: 'fault', fault: nemesis, target, phase: 'ended' });
  if (!(await ended.resumed(AFTERWARDS_MS)))
    throw new Error(
      `${AFTERWARDS_MS} ms after the end of ${nemesis} (${target}) there is no acknowledgement for ${ended.missing.join(', ')}`,
    );
  const { times } = resumes === 'afterwards' ? ended : begun;
  meter.forget(begun);
  meter.forget(ended);
  await untilCaughtUp(client, topics, CAUGHT_UP_MS);
  const seconds = (performance.now() - startedAt) / 1000;
  return { number, nemesis, target, resumes, seconds, times, stalled };
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
