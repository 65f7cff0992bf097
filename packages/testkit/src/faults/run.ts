// One run: makes the network and the cluster, uses and breaks it, heals it, judges it, and leaves nothing behind but what a
// failure needs to be understood.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '@zhumq/base';
import { judgeFile } from '../check/judge.js';
import type { Verdict } from '../check/judge.js';
import { formatVerdict } from '../check/report.js';
import { HistoryFile } from '../history/history-file.js';
import type { FaultsCommand } from './command.js';
import { finishRun } from './final-phase.js';
import { isInside, onStop } from './isolation.js';
import { possible } from './nemeses/catalogue.js';
import type { NemesisName } from './nemeses/catalogue.js';
import type { Need } from './nemeses/nemesis.js';
import { NamespaceNetwork } from './network/namespaces.js';
import type { Network } from './network/network.js';
import { ProxyNetwork } from './network/proxies.js';
import { findClockLibrary } from './processes/process-clock.js';
import { ProcessCluster } from './processes/process-cluster.js';
import { reportOf } from './report.js';
import type { RunReport } from './report.js';
import { runRounds } from './rounds.js';
import type { FinishedRound } from './rounds.js';
import { keepRunFolder, removeRunFolder } from './run-folder.js';
import { Schedule } from './schedule.js';
import { Tally } from './tally.js';
import { ResumeMeter } from './workload/resume-meter.js';
import { PRODUCER_CLASSES, TOPICS, Workload } from './workload/workload.js';

const DISK_BYTES = 512 * 1024 * 1024;

export type Log = (line: string) => void;

export async function runFaults(
  command: FaultsCommand,
  folder: string,
  log: Log,
): Promise<RunReport> {
  const run = new Run(command, folder, log);
  try {
    // What was begun is given up where it stands: processes are ended below, whatever they do.
    await Promise.race([run.work(), run.stopped]);
  } catch (error) {
    run.failures.push(error instanceof Error ? error.message : String(error));
  }
  return run.conclude();
}

class Run {
  readonly failures: string[] = [];
  private readonly tally = new Tally();
  private readonly historyFile: string;
  private readonly history: HistoryFile;
  private readonly meter: ResumeMeter;
  private readonly nemeses: readonly NemesisName[];
  private readonly brokers: number;
  private readonly programLog: string[] = [];
  private network: Network | undefined;
  private cluster: ProcessCluster | undefined;
  private workload: Workload | undefined;
  /** Of the rounds. */
  private startedAt: number | undefined;
  private endedAt: number | undefined;
  private isStopping = false;
  /** Resolves when somebody ends the run before its time. */
  readonly stopped: Promise<void>;

  constructor(
    private readonly command: FaultsCommand,
    private readonly folder: string,
    private readonly log: Log,
  ) {
    this.historyFile = join(folder, 'history.jsonl');
    this.history = new HistoryFile(this.historyFile, () => performance.now());
    this.meter = new ResumeMeter(this.history, PRODUCER_CLASSES);
    this.brokers = command.brokers ?? 3 + new SeededRandom(command.seed).below(3);
    const isApart = isInside() && command.network !== 'proxies';
    const offers = new Set<Need>([isApart ? 'namespaces' : 'proxies']);
    if (isInside()) offers.add('disks');
    if (findClockLibrary() !== undefined) offers.add('clocks');
    this.nemeses = possible(command.nemeses, offers);
    this.stopped = new Promise((resolve) =>
      onStop((why) => {
        this.isStopping = true;
        this.failures.push(`stopped before its time: ${why}`);
        log(`ends: ${why}`);
        resolve();
      }),
    );
  }

  async work(): Promise<void> {
    const { command, folder, log, meter, history, nemeses } = this;
    const { seed } = command;
    meter.record({ kind: 'history', version: 1, run: `faults, seed ${seed}, ${commitOf()}` });
    const isApart = isInside() && command.network !== 'proxies';
    const network = isApart ? await NamespaceNetwork.make(folder) : new ProxyNetwork();
    this.network = network;
    log(`files in ${folder}; network: ${network.kind}; ${this.brokers} brokers`);
    const plan = {
      ...{ brokers: this.brokers, zkservers: command.zkservers, zookeepers: command.zookeepers },
      diskBytes: nemeses.includes('disk-full') ? DISK_BYTES : undefined,
      clockLibrary: nemeses.includes('clock-jump') ? findClockLibrary() : undefined,
    };
    const cluster = await ProcessCluster.start(plan, network, folder, (made) => {
      this.cluster = made;
    });
    const workload = new Workload({
      ...{ bootstrap: cluster.bootstrap, seed, history: meter },
      log: (line) => this.programLog.push(`${new Date().toISOString()} ${line}`),
      failed: (sentence) => this.failures.push(sentence),
    });
    this.workload = workload;
    await workload.start();
    const quiet = meter.mark();
    if (!(await quiet.resumed(60_000)))
      throw new Error(`before any fault: nothing acknowledged of ${quiet.missing.join(', ')}`);
    meter.forget(quiet);
    log('everything serves');
    this.startedAt = performance.now();
    try {
      if (nemeses.length > 0)
        await runRounds({
          ...{ cluster, meter, history, topics: TOPICS.map(({ topic }) => topic), log },
          schedule: new Schedule(seed, nemeses),
          client: await workload.connect(),
          durationMs: command.durationMs,
          rounds: command.rounds ?? Infinity,
          onRound: (round) => this.endRound(round),
        });
    } finally {
      this.endedAt = performance.now();
    }
    if (command.pretendLoss) this.pretendLoss();
    log('heals, reads and compares everything');
    await finishRun(cluster, workload, meter, (sentence) => this.failures.push(sentence));
  }

  /** Whatever came before: tears down, judges, tells. */
  async conclude(): Promise<RunReport> {
    const { command, folder, log, failures, nemeses, meter } = this;
    await this.tearDown().catch((error: unknown) => void failures.push(String(error)));
    this.history.close();
    const verdict = this.isStopping ? undefined : await this.judge();
    const facts = {
      ...{ seed: command.seed, commit: commitOf(), durationSeconds: this.seconds },
      network: this.network?.kind ?? ('proxies' as const),
      brokers: this.brokers,
      leftOut: command.nemeses.filter((name) => !nemeses.includes(name)),
      switches: this.workload?.switches.count ?? 0,
      ...{ sent: meter.sent, acknowledged: meter.acknowledged, failures },
    };
    const report = reportOf(facts, this.tally, verdict);
    const isClean = report.verdict === 'clean';
    if ((isClean || this.isStopping) && !command.keep) {
      removeRunFolder(folder);
      return report;
    }
    writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    writeFileSync(join(folder, 'programs.log'), `${this.programLog.join('\n')}\n`);
    keepRunFolder(folder);
    log(`kept: ${folder}`);
    return { ...report, artifacts: folder };
  }

  private get seconds(): number {
    if (this.startedAt === undefined) return 0;
    return Math.round((this.endedAt ?? performance.now()) - this.startedAt) / 1000;
  }

  private endRound(round: FinishedRound): void {
    this.tally.add(round);
    const { number, nemesis, target, seconds, times, stalled } = round;
    const shown = ['raft/all', 'fetch/all', 'switched/all'].flatMap((name) =>
      Object.hasOwn(times, name) ? [`${name} ${times[name]} ms`] : [],
    );
    const waits = stalled.length === 0 ? '' : `; stalled: ${stalled.join(', ')}`;
    this.log(
      `round ${number}: ${nemesis} ${target}: ${shown.join(', ')}${waits}; ${seconds.toFixed(1)} s`,
    );
  }

  private pretendLoss(): void {
    const place = { topic: 'raft', partition: 0, producer: 'nobody', value: 'nobody-1' };
    this.meter.record({ kind: 'send', ...place, acks: 'all' });
    this.meter.record({ kind: 'sent', ...place, outcome: 'ok', offset: 0 });
  }

  private async judge(): Promise<Verdict | undefined> {
    try {
      const verdict = await judgeFile(this.historyFile);
      if (verdict.violations > 0) this.log(formatVerdict(verdict));
      return verdict;
    } catch (error) {
      this.failures.push(`the history can not be judged: ${(error as Error).message}`);
      return undefined;
    }
  }

  private async tearDown(): Promise<void> {
    const { cluster, network, workload } = this;
    await cluster?.kill(cluster.nodes);
    if (cluster !== undefined && this.failures.length > 0 && !this.isStopping) saveDisks(cluster);
    await cluster?.destroy();
    if (!this.isStopping) await workload?.close();
    await network?.close();
  }
}

/** A disk of its own is gone with the run: what is on it is kept beside it. */
function saveDisks(cluster: ProcessCluster): void {
  if (cluster.plan.diskBytes === undefined) return;
  for (const broker of cluster.brokers) {
    const data = cluster.dataFolder(broker);
    if (existsSync(data)) cpSync(data, join(cluster.folder, 'disks', broker), { recursive: true });
  }
}

function commitOf(): string {
  try {
    const options = { cwd: __dirname, encoding: 'utf8', stdio: 'pipe' } as const;
    return execFileSync('git', ['describe', '--always', '--dirty'], options).trim();
  } catch {
    return 'unknown';
  }
}
