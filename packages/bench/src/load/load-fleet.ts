// Load processes, from the parent's side: starts them, tells them what to do together, and gathers what they report.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { NamedProcess } from '../cluster/process-usage.js';
import { mergeGaps } from './ack-gaps.js';
import type { Job, Order, OutcomeOf, PartitionGap, Report } from './jobs.js';

export class LoadFleet<K extends Job['kind']> {
  private readonly members: Member<K>[];

  constructor(name: string, jobs: readonly (Job & { readonly kind: K })[]) {
    this.members = jobs.map((job, index) => new Member<K>(`${name}-${index + 1}`, job));
  }

  /** Resolves when all of them are connected and at work. */
  async ready(): Promise<void> {
    await Promise.all(this.members.map((member) => member.ready));
  }

  get processes(): readonly NamedProcess[] {
    return this.members.map(({ name, pid }) => ({ name, pid }));
  }

  /** Messages that they have done with so far. */
  get messages(): number {
    return this.members.reduce((sum, member) => sum + member.messages, 0);
  }

  tell(order: Exclude<Order, { readonly order: 'job' }>): void {
    for (const member of this.members) member.tell(order);
  }

  /** Of producers; `anew`: they count from now on. One may ask at a time. */
  async gaps(anew = false): Promise<PartitionGap[]> {
    return mergeGaps(await Promise.all(this.members.map((member) => member.gaps(anew))));
  }

  /** Resolves when all are done. */
  outcomes(): Promise<OutcomeOf[K][]> {
    return Promise.all(this.members.map((member) => member.outcome));
  }

  /** Ends them, done or not. */
  kill(): void {
    for (const member of this.members) member.kill();
  }
}

class Member<K extends Job['kind']> {
  readonly ready: Promise<void>;
  readonly outcome: Promise<OutcomeOf[K]>;
  messages = 0;
  private readonly child: ChildProcess;
  private readonly failed: Promise<never>;
  private onGaps: (gaps: readonly PartitionGap[]) => void = () => undefined;

  constructor(
    readonly name: string,
    job: Job,
  ) {
    this.child = fork(join(__dirname, 'load-process.js'), { serialization: 'advanced' });
    let isReady: () => void = () => undefined;
    let done: (outcome: OutcomeOf[K]) => void = () => undefined;
    const failed = (this.failed = new Promise<never>((_, reject) => {
      this.child.on('error', reject);
      this.child.on('exit', (code, signal) =>
        reject(new Error(`load process ${name} ended early (${signal ?? `exit code ${code}`})`)),
      );
      this.child.on('message', (report: Report) => {
        if (report.report === 'ready') isReady();
        else if (report.report === 'progress') this.messages = report.messages;
        else if (report.report === 'gaps') this.onGaps(report.gaps);
        else if (report.report === 'done') done(report.outcome as OutcomeOf[K]);
        else reject(new Error(`load process ${name}: ${report.message}`));
      });
    }));
    this.ready = Promise.race([failed, new Promise<void>((resolve) => (isReady = resolve))]);
    this.outcome = Promise.race([failed, new Promise<OutcomeOf[K]>((resolve) => (done = resolve))]);
    // Whoever waits is told; nobody may be waiting yet.
    for (const promise of [this.ready, this.outcome, failed]) promise.catch(() => undefined);
    this.tell({ order: 'job', job });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  tell(order: Order): void {
    if (this.child.connected) this.child.send(order);
  }

  gaps(anew: boolean): Promise<readonly PartitionGap[]> {
    const answer = new Promise<readonly PartitionGap[]>((resolve) => (this.onGaps = resolve));
    this.tell({ order: 'gaps', anew });
    return Promise.race([answer, this.failed]);
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}
