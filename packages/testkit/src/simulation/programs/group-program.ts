// A program that is a member of a group: handles what it is given, commits it, and says so.
import { ZhumqError, delay } from '@zhumq/base';
import type { Client, Consumer } from '@zhumq/client';
import type { GroupPlan, TopicPlan } from '../simulation-options.js';
import type { Program, ProgramContext } from './client-host.js';
import { recordPolls } from './reader-program.js';

const AGAIN_MS = 500;
const SESSION_TIMEOUT_MS = 3_000;
const WAIT_MS = 2_000;
const COMMIT_TIMEOUT_MS = 5_000;

/** `rest`: nobody is a member for a while, so that somebody can set the group's positions. */
export function groupProgram(
  { group, isStatic }: GroupPlan,
  delivery: 'pull' | 'push',
  topics: readonly TopicPlan[],
  rest: GroupRest = { isOn: false },
): Program {
  return async (context) => {
    const client = await context.connect();
    const instanceId = isStatic === true ? context.name.replace(/\.\d+$/, '') : undefined;
    for (let joins = 1; !context.ended(); joins++) {
      const name = `${context.name}-${joins}`;
      const member = new Member(context, client, { group, name, instanceId }, rest);
      if (!rest.isOn) await member.run(delivery, topics);
      await delay(context.clock, AGAIN_MS);
    }
  };
}

export interface GroupRest {
  isOn: boolean;
}

interface Identity {
  readonly group: string;
  /** As the history knows it. */
  readonly name: string;
  /** Of a static member: the same over restarts. */
  readonly instanceId: string | undefined;
}

class Member {
  /** Partitions that it reads, as topic and number. */
  private readonly held = new Map<string, readonly [topic: string, partition: number]>();
  private readonly group: string;
  private readonly member: string;
  private readonly instanceId: string | undefined;
  /** Of a commit that is under way. */
  private tellCommit: ((outcome: 'ok' | 'unknown') => void) | undefined;

  constructor(
    private readonly context: ProgramContext,
    private readonly client: Client,
    { group, name, instanceId }: Identity,
    private readonly rest: GroupRest,
  ) {
    this.group = group;
    this.member = name;
    this.instanceId = instanceId;
    // It handles nothing any more, and what it was about to commit may be committed or not.
    context.atDeath?.(() => {
      this.tellCommit?.('unknown');
      this.giveUpAll(true);
    });
  }

  async run(delivery: 'pull' | 'push', topics: readonly TopicPlan[]): Promise<void> {
    const { context, group, member } = this;
    const { history, ended, pace } = context;
    const consumer = this.client.consumer({
      ...{ group, delivery, clientId: member, autoCommit: false, onTruncated: 'resume' },
      ...{ topics: topics.map(({ topic }) => topic), sessionTimeout: SESSION_TIMEOUT_MS * pace },
      ...{ drainTimeout: WAIT_MS * pace, maxWait: WAIT_MS * pace },
      ...(this.instanceId === undefined ? {} : { instanceId: this.instanceId }),
    });
    this.tellMoves(consumer);
    try {
      while (!ended() && !this.rest.isOn) {
        const messages = await consumer.fetch({ max: 20, wait: WAIT_MS * pace });
        if (messages.length === 0) continue;
        recordPolls(history, messages, { consumer: member, group, delivery });
        await this.commit(consumer);
      }
    } catch (error) {
      if (!ZhumqError.is(error)) throw error;
      context.log(`the group ended: ${error.message}`);
    }
    await consumer.close({ timeout: WAIT_MS * pace }).catch(() => undefined);
    // It says of all of them what becomes of them.
    this.giveUpAll(true);
  }

  private tellMoves(consumer: Consumer): void {
    const { history } = this.context;
    const { group, member } = this;
    consumer.on('assigned', ({ topic, partitions }) => {
      for (const partition of partitions) {
        this.held.set(`${topic} ${partition}`, [topic, partition]);
        history.record({ kind: 'assign', topic, partition, group, member });
      }
    });
    consumer.on('revoked', ({ topic, partitions, lost }) => {
      for (const partition of partitions) this.giveUp(topic, partition, lost);
    });
    consumer.on('truncated', ({ topic, partition }) =>
      history.record({ kind: 'seek', topic, partition, consumer: member }),
    );
  }

  private giveUpAll(lost: boolean): void {
    for (const [topic, partition] of [...this.held.values()]) this.giveUp(topic, partition, lost);
  }

  private giveUp(topic: string, partition: number, lost: boolean): void {
    const { group, member } = this;
    if (!this.held.delete(`${topic} ${partition}`)) return;
    this.context.history.record({ kind: 'revoke', topic, partition, group, member, lost });
  }

  private async commit(consumer: Consumer): Promise<void> {
    const { history, pace } = this.context;
    const { group, member } = this;
    const positions = consumer.position();
    const invokedAt = this.context.now();
    this.tellCommit = (outcome) => {
      this.tellCommit = undefined;
      for (const { topic, partition, offset } of positions) {
        if (topic === undefined) continue;
        history.record({
          ...{ kind: 'commit', topic, partition, group, member },
          ...{ offset, outcome, invokedAt },
        });
      }
    };
    try {
      await consumer.commit(positions, { timeout: COMMIT_TIMEOUT_MS * pace });
      this.tellCommit('ok');
    } catch (error) {
      if (!ZhumqError.is(error)) throw error;
      this.tellCommit('unknown');
    }
  }
}
