// A machine with one client program on it, as its users write them.
import { connectClient } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { delay } from '@zhumq/base';
import type { Clock, Random } from '@zhumq/base';
import type { Recorder } from '../../history/history.js';
import type { Life } from '../world/life.js';
import type { Machine } from '../world/machine.js';
import type { World } from '../world/world.js';

export interface ProgramContext {
  readonly name: string;
  /** Everything that waits, waits so many times longer. */
  readonly pace: number;
  readonly clock: Clock;
  /** Time as the history has it. */
  readonly now: () => number;
  readonly random: Random;
  readonly history: Recorder;
  /** Connects; tries again until it is. */
  connect(): Promise<Client>;
  /** For the ring of the last events. */
  log(message: string): void;
  /** The load ends here: programs finish what they have begun. */
  readonly ended: () => boolean;
  /** Its process ends, without a chance to say so; what it knew is for the history. Not where processes are real. */
  atDeath?(tell: () => void): void;
}

export type Program = (context: ProgramContext) => Promise<void>;

const CONNECT_RETRY_MS = 500;
const REQUEST_TIMEOUT_MS = 3_000;
/** Times the mean. */
const LONGEST_WAIT = 3;

export class ClientHost {
  readonly machine: Machine;
  private starts = 0;
  private life: Life | undefined;
  private finished = false;

  constructor(
    private readonly world: World,
    readonly name: string,
    private readonly bootstrap: string,
    private readonly history: Recorder,
    private readonly pace: number,
    private readonly ended: () => boolean,
    private readonly program: Program,
  ) {
    this.machine = world.machine(name, false);
  }

  /** The program has returned. */
  get isFinished(): boolean {
    return this.finished;
  }

  start(): void {
    const { world, machine, pace } = this;
    const life = world.begin(machine);
    this.life = life;
    this.finished = false;
    const name = `${this.name}.${++this.starts}`;
    const clock = world.clockOf(machine, life);
    const random = world.fork();
    const transport = world.network.transport(machine, life);
    const log = (message: string): void => world.logs.add(name, 'info', {}, message);
    const context: ProgramContext = {
      ...{ name, pace, clock, random, log, history: this.history, ended: this.ended },
      atDeath: (tell) => void life.onEnd.push(tell),
      now: () => world.nowMs,
      connect: async () => {
        for (;;) {
          try {
            const logger = world.logs.logger(name);
            const options = { requestTimeout: REQUEST_TIMEOUT_MS * pace, logger };
            return await connectClient(this.bootstrap, options, { clock, random, transport });
          } catch (error) {
            log(`can not connect: ${(error as Error).message}`);
          }
          await delay(clock, CONNECT_RETRY_MS * pace);
        }
      },
    };
    world.scheduler.turn(life, () => {
      void this.program(context).then(() => void (this.finished = true));
    });
  }

  kill(): void {
    this.world.kill(this.machine);
    this.life = undefined;
  }

  get isAlive(): boolean {
    return this.life?.alive === true;
  }
}

/** Waits of a program that does something now and then; never so long that its end is taken for a hang. */
export function nowAndThenMs(random: Random, meanMs: number): number {
  return meanMs * Math.min(-Math.log(1 - random.fraction()), LONGEST_WAIT);
}
