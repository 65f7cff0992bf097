// Members of one consumer group as processes: started, told to leave, killed, frozen. A slot is a program's place: half of
// them by push and half by pull, some under an instance id, with handlers or with batches; each life in a slot has a name of its
// own.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { GroupHistory } from './group-history.js';
import { report } from './report.js';

const PROGRAM = join(__dirname, 'group-member.mjs');
/** Messages of a batch; of those with handlers one of each partition. */
const BATCH = 50;

export interface GroupMembersOptions {
  readonly bootstrap: string;
  readonly directory: string;
  readonly topic: string;
  readonly group: string;
  readonly history: GroupHistory;
}

/** The JSON that group-member.mjs is started with. */
interface GroupMemberOptions {
  readonly bootstrap: string;
  readonly file: string;
  readonly member: string;
  readonly way: 'run' | 'batches' | 'look';
  readonly concurrency: number;
  readonly inHand: number;
  /** Options of the consumer. */
  readonly consumer: Readonly<Record<string, unknown>>;
}

export interface Member {
  readonly slot: number;
  readonly name: string;
  readonly process: ChildProcess;
  readonly ended: Promise<void>;
  frozen: boolean;
  /** Was told to leave. */
  leaving: boolean;
}

export const SESSION_TIMEOUT_MS = 3_000;

export class GroupMembers {
  /** By slot; processes that have not ended. */
  readonly running = new Map<number, Member>();
  private readonly readers: ChildProcess[] = [];
  private lives = 0;

  constructor(private readonly options: GroupMembersOptions) {
    mkdirSync(options.directory, { recursive: true });
  }

  /** Those that a test may do something to. */
  get active(): Member[] {
    return [...this.running.values()].filter(({ frozen, leaving }) => !frozen && !leaving);
  }

  start(slot: number): Member {
    const { history, directory } = this.options;
    const name = `member-${slot}.${++this.lives}`;
    history.record({ kind: 'started', member: name });
    const child = run(this.programOf(slot, name));
    const ended = new Promise<void>((resolve) => {
      child.once('exit', (code) => {
        history.record({ kind: 'ended', member: name, code });
        this.running.delete(slot);
        resolve();
      });
    });
    const member = { slot, name, process: child, ended, frozen: false, leaving: false };
    this.running.set(slot, member);
    report(`${name} joins (pid ${child.pid}), ${kindOf(slot)}; files in ${directory}`);
    return member;
  }

  /** A reader without a group, to compare with. */
  startReader(delivery: 'push' | 'pull'): void {
    const { bootstrap, directory, topic } = this.options;
    const member = `reader-${delivery}`;
    const child = run({
      ...{ bootstrap, member, way: 'look', concurrency: 1, inHand: 1 },
      file: join(directory, `${member}.jsonl`),
      consumer: { topic, delivery, from: 'earliest' },
    });
    this.readers.push(child);
  }

  leave(member: Member): Promise<void> {
    member.leaving = true;
    this.signal(member, 'SIGTERM', 'told to leave');
    return member.ended;
  }

  kill(member: Member): Promise<void> {
    member.leaving = true;
    this.signal(member, 'SIGKILL', 'killed');
    return member.ended;
  }

  freeze(member: Member): void {
    member.frozen = true;
    this.signal(member, 'SIGSTOP', 'frozen');
  }

  continue(member: Member): void {
    this.signal(member, 'SIGCONT', 'continued');
    member.frozen = false;
  }

  /** For tearing down. */
  async destroy(): Promise<void> {
    const members = [...this.running.values()];
    for (const reader of this.readers) reader.kill('SIGKILL');
    for (const { process: child } of members) child.kill('SIGKILL');
    await Promise.all(members.map(({ ended }) => ended));
  }

  /** Takes what all members have written into the history. */
  readFiles(): void {
    const { directory, history } = this.options;
    for (const file of readdirSync(directory)) history.readFile(join(directory, file));
  }

  private signal(
    { name, process: child }: Member,
    signal: NodeJS.Signals,
    kind: 'told to leave' | 'killed' | 'frozen' | 'continued',
  ): void {
    report(`${signal} -> ${name} (pid ${child.pid})`);
    this.options.history.record({ kind, member: name });
    child.kill(signal);
  }

  private programOf(slot: number, member: string): GroupMemberOptions {
    const { bootstrap, directory, topic, group } = this.options;
    const { way, concurrency, delivery, instanceId } = traitsOf(slot);
    return {
      ...{ bootstrap, member, way, concurrency, inHand: way === 'batches' ? BATCH : 1 },
      file: join(directory, `${member}.jsonl`),
      consumer: {
        ...{
          topic,
          group,
          delivery,
          clientId: member,
          sessionTimeout: SESSION_TIMEOUT_MS,
          commitInterval: '200ms',
        },
        ...(instanceId === undefined ? {} : { instanceId }),
      },
    };
  }
}

function run(options: GroupMemberOptions): ChildProcess {
  return spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
}

function traitsOf(slot: number) {
  const way = slot % 3 === 0 ? ('batches' as const) : ('run' as const);
  const delivery = slot % 2 === 0 ? ('push' as const) : ('pull' as const);
  return {
    ...{ way, delivery, concurrency: slot % 4 < 2 ? 1 : 8 },
    instanceId: slot % 4 === 1 ? `instance-${slot}` : undefined,
  };
}

function kindOf(slot: number): string {
  const { way, delivery, concurrency, instanceId } = traitsOf(slot);
  return [delivery, way === 'run' ? `run x ${concurrency}` : way, instanceId]
    .filter((word) => word !== undefined)
    .join(', ');
}
