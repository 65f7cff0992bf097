// A consumer of the library in a script's hand, as a member of a group. What it is given, handles and gives up is told to
// the history; its handlers end when the script lets them.
import type { Consumer } from '@zhumq/client';
import { recordPolls } from '../programs/reader-program.js';
import { GROUP } from './group-member.js';
import type { ScriptClient } from './script-client.js';
import type { Stage } from './stage.js';

/** Messages that it may have in hand, of different partitions. */
const CONCURRENCY = 8;

export class GroupConsumer {
  /** Partitions that it has. */
  readonly held = new Set<number>();
  /** Values that its handlers were given, in order. */
  readonly given: string[] = [];
  private consumer: Consumer | undefined;
  private keeping: (() => void)[] | undefined;

  constructor(
    private readonly stage: Stage,
    private readonly client: ScriptClient,
    private readonly topic: string,
  ) {
    client.ask(async (library) => {
      const consumer = library.consumer({
        ...{ group: GROUP, topics: [topic], clientId: client.name, commitInterval: '100ms' },
      });
      this.consumer = consumer;
      this.tellMoves(consumer);
      await consumer.run(
        (message) => {
          const who = { consumer: client.name, group: GROUP, delivery: 'pull' } as const;
          recordPolls(stage.history, [message], who);
          this.given.push((message.value?.toString() ?? '').split('|')[0]);
          const { keeping } = this;
          return keeping && new Promise<void>((resolve) => keeping.push(resolve));
        },
        { concurrency: CONCURRENCY },
      );
    });
  }

  /** Its coordinator has answered it as a member. */
  get isMember(): boolean {
    return (this.consumer?.health().memberId ?? '') !== '';
  }

  /** From now on its handlers do not end. Returns what lets them. */
  keep(): () => void {
    this.keeping = [];
    return () => {
      const { keeping = [] } = this;
      this.keeping = undefined;
      const { life } = this.client.machine;
      if (life !== undefined)
        this.stage.world.scheduler.turn(life, () => {
          for (const resolve of keeping) resolve();
        });
    };
  }

  private tellMoves(consumer: Consumer): void {
    const { held, topic } = this;
    const { history } = this.stage;
    const who = { topic, group: GROUP, member: this.client.name };
    consumer.on('assigned', ({ partitions }) => {
      for (const partition of partitions) {
        held.add(partition);
        history.record({ kind: 'assign', partition, ...who });
      }
    });
    consumer.on('revoked', ({ partitions, lost }) => {
      for (const partition of partitions) {
        held.delete(partition);
        history.record({ kind: 'revoke', partition, ...who, lost });
      }
    });
  }
}
