// Everything that uses the cluster while faults happen: producers of each ack level, readers without a group, a group, by pull
// and by push, and switches of modes. They are the simulator's programs, over real clocks and sockets, and know the public
// client only.
import { SeededRandom, SystemClock, delay } from '@zhumq/base';
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import type { Recorder } from '../../history/history.js';
import type { Program, ProgramContext } from '../../simulation/programs/client-host.js';
import { closingProgram, openingProgram } from '../../simulation/programs/first-and-last.js';
import { groupProgram } from '../../simulation/programs/group-program.js';
import { producerProgram } from '../../simulation/programs/producer-program.js';
import { readerProgram } from '../../simulation/programs/reader-program.js';
import type { TopicPlan } from '../../simulation/simulation-options.js';
import type { ProducerClass } from './resume-meter.js';
import { SwitchLog, switchingProgram } from './switching.js';

const CONFIG = { 'min.insync.replicas': '2', 'segment.bytes': '16MiB' };
const REPLICAS = 3;
/** Always in mode raft. */
export const RAFT_TOPIC = 'raft';
const SWITCHED = 'switched';

export const TOPICS: readonly TopicPlan[] = [
  { topic: RAFT_TOPIC, partitions: 3, replicas: REPLICAS, mode: 'raft', config: CONFIG },
  { topic: 'fetch', partitions: 3, replicas: REPLICAS, mode: 'fetch', config: CONFIG },
  { topic: SWITCHED, partitions: 2, replicas: REPLICAS, mode: 'raft', config: CONFIG },
];

const ACKS = ['all', 'leader', 'none'] as const;
export const PRODUCER_CLASSES: readonly ProducerClass[] = TOPICS.flatMap(({ topic, partitions }) =>
  ACKS.filter((acks) => acks !== 'none').map((acks) => ({ topic, partitions, acks })),
);

/** Of each producer, on average: nine of them make some 150 messages a second. */
const SEND_INTERVAL_MS = 60;
const VALUE_BYTES = 300;
const SWITCH_EVERY_MS = 15_000;
const CONNECT_RETRY_MS = 500;
const REQUEST_TIMEOUT_MS = 5_000;
const END_TIMEOUT_MS = 120_000;
const CLOSE_TIMEOUT_MS = 5_000;

export interface WorkloadOptions {
  readonly bootstrap: string;
  readonly seed: number;
  readonly history: Recorder;
  /** For a person; what programs say of errors that they expected. */
  readonly log: (line: string) => void;
  /** A program ended by an error that nobody expects. */
  readonly failed: (sentence: string) => void;
}

export class Workload {
  readonly switches: SwitchLog;
  private readonly clock = new SystemClock();
  private readonly clients: Client[] = [];
  private readonly running: Promise<void>[] = [];
  private hasEnded = false;
  private programs = 0;

  constructor(private readonly options: WorkloadOptions) {
    this.switches = new SwitchLog(options.history);
  }

  /** Makes the topics, then begins to use them. */
  async start(): Promise<void> {
    await this.run('opening', openingProgram(TOPICS));
    for (const plan of TOPICS)
      for (const acks of ACKS) {
        const counts = { sent: 0, acknowledged: 0, failed: 0, unknown: 0 };
        const producer = {
          acks,
          linger: 0,
          intervalMs: SEND_INTERVAL_MS,
          maxValueBytes: VALUE_BYTES,
        };
        this.begin(`producer-${plan.topic}-${acks}`, producerProgram(producer, [plan], counts));
      }
    for (const delivery of ['pull', 'push'] as const) {
      this.begin(`reader-${delivery}`, readerProgram({ delivery }, TOPICS));
      const group = { group: 'workers', delivery: ['pull', 'push'] as const };
      this.begin(`member-${delivery}`, groupProgram(group, delivery, TOPICS));
    }
    this.begin('switcher', switchingProgram(SWITCHED, SWITCH_EVERY_MS, this.switches));
  }

  /** Programs finish what they have begun. */
  async end(): Promise<void> {
    this.hasEnded = true;
    await inTime('all programs have ended', END_TIMEOUT_MS, Promise.all(this.running));
  }

  /** Everything is written to once more, and read from its beginning. */
  readEverything(timeoutMs: number): Promise<void> {
    const reading = this.run('closing', closingProgram(TOPICS));
    return inTime('everything has been read', timeoutMs, reading);
  }

  async connect(): Promise<Client> {
    const { bootstrap } = this.options;
    const client = await connect(bootstrap, { requestTimeout: REQUEST_TIMEOUT_MS });
    this.clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    this.hasEnded = true;
    const closing = this.clients.map((client) =>
      client.close({ timeout: CLOSE_TIMEOUT_MS }).catch(() => undefined),
    );
    await Promise.all(closing);
  }

  private begin(name: string, program: Program): void {
    this.running.push(
      this.run(name, program).catch((error: unknown) => {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.options.failed(`the program ${name} failed: ${text}`);
      }),
    );
  }

  private run(name: string, program: Program): Promise<void> {
    const { seed, history, log } = this.options;
    const context: ProgramContext = {
      ...{ name, pace: 1, clock: this.clock, history },
      random: new SeededRandom(seed + ++this.programs),
      now: () => performance.now(),
      log: (message) => log(`${name}: ${message}`),
      ended: () => this.hasEnded,
      connect: async () => {
        for (;;) {
          try {
            return await this.connect();
          } catch (error) {
            log(`${name} can not connect: ${(error as Error).message}`);
          }
          await delay(this.clock, CONNECT_RETRY_MS);
        }
      },
    };
    return program(context);
  }
}

async function inTime(what: string, timeoutMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms for: ${what}`)), timeoutMs);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
