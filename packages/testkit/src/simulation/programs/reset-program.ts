// A program that sends the members of a group home, now and then, and sets its positions before they come back.
import { ZhumqError, delay } from '@zhumq/base';
import type { Admin, OffsetReset } from '@zhumq/client';
import type { TopicPlan } from '../simulation-options.js';
import { nowAndThenMs } from './client-host.js';
import type { Program, ProgramContext } from './client-host.js';
import type { GroupRest } from './group-program.js';

const AGAIN_MS = 500;
const RESET_TIMEOUT_MS = 5_000;
const BACK_BY = 20;

export function resetProgram(
  group: string,
  resetEveryMs: number,
  topics: readonly TopicPlan[],
  rest: GroupRest,
): Program {
  return async (context) => {
    const { connect, random, clock, ended } = context;
    const admin = (await connect()).admin();
    while (!ended()) {
      await delay(clock, nowAndThenMs(random, resetEveryMs));
      const { topic } = topics[random.below(topics.length)];
      const to = random.below(2) === 0 ? ('earliest' as const) : { by: -random.below(BACK_BY) };
      rest.isOn = true;
      await new Reset(context, admin, group, topic).run(to);
      if (!ended()) rest.isOn = false;
    }
  };
}

class Reset {
  /** One that may have been made: nothing else is asked for until it surely was. */
  private open: readonly OffsetReset[] = [];

  constructor(
    private readonly context: ProgramContext,
    private readonly admin: Admin,
    private readonly group: string,
    private readonly topic: string,
  ) {}

  async run(to: 'earliest' | { readonly by: number }): Promise<void> {
    const { context, admin, group, topic } = this;
    const timeout = RESET_TIMEOUT_MS * context.pace;
    while (!context.ended()) {
      try {
        if (this.open.length === 0) {
          // What would be set is known before it is asked for: an answer that is lost leaves no doubt about that.
          const wanted = await admin.resetOffsets({ group, topic, to, dryRun: true }, { timeout });
          this.open = wanted.filter(
            ({ failure, to: offset }) => failure === undefined && offset >= 0,
          );
          if (this.open.length === 0) return;
        }
        for (const one of this.open) await this.set(one, timeout);
        return;
      } catch (error) {
        if (!ZhumqError.is(error)) throw error;
        context.log(`the positions of ${group} in ${topic}: ${error.message}`);
      }
      await delay(context.clock, AGAIN_MS);
    }
    for (const one of this.open) this.record(one, 'unknown');
  }

  private async set(one: OffsetReset, timeout: number): Promise<void> {
    const { group, topic } = this;
    const { partition } = one;
    const done = await this.admin.resetOffsets(
      { group, topic, partitions: [partition], to: one.to },
      { timeout },
    );
    // The log begins later by now: it can not be made any more, and no earlier attempt can either.
    this.record(one, done.some(({ failure }) => failure !== undefined) ? 'unknown' : 'ok');
    this.open = this.open.filter((other) => other !== one);
  }

  private record({ partition, to: offset }: OffsetReset, outcome: 'ok' | 'unknown'): void {
    const { group, topic } = this;
    this.context.history.record({ kind: 'reset', topic, partition, group, offset, outcome });
  }
}
