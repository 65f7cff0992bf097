// A consumer as the coordinator meets it: one heartbeat is out at a time, what it is to give up it finishes first, and what
// is new it begins at once. It may be paused for any time and then go on as if nothing had happened.
import { ZhumqError } from '@zhumq/base';
import type { GroupEpoch } from '@zhumq/model';
import { compareEpochs } from '../../groups/epochs.js';
import type { HeartbeatAnswer, HeartbeatRequest } from '../../groups/heartbeat.js';
import type { CommitRequest } from '../../groups/positions.js';

export class SimMember {
  memberId: string;
  epoch: GroupEpoch | undefined;
  /** `<topic>/<partition>` */
  readonly reading = new Set<string>();
  condition: 'running' | 'paused' | 'dead' = 'running';
  topics: readonly string[];
  /** Number of the heartbeat whose answer it waits for; 0: none. */
  waitsFor = 0;
  private assigned: ReadonlySet<string> = new Set();
  private sent = 0;
  private readonly next = new Map<string, number>();

  constructor(
    private readonly newId: () => string,
    readonly instanceId: string,
    topics: readonly string[],
    readonly sessionTimeoutMs: number,
  ) {
    this.memberId = newId();
    this.topics = topics;
  }

  /** A new heartbeat; an older one's answer is no longer of interest. */
  beat(): { request: HeartbeatRequest; number: number } {
    this.sent += 1;
    this.waitsFor = this.sent;
    const { memberId, epoch: memberEpoch, instanceId, topics, sessionTimeoutMs } = this;
    const owned = [...this.reading].map(parse);
    const about = { instanceId, clientId: 'sim', host: '127.0.0.1', topics, sessionTimeoutMs };
    return {
      request: { memberId, memberEpoch, ...about, owned, leaving: false },
      number: this.sent,
    };
  }

  /** The last words of a member. */
  leave(): HeartbeatRequest {
    const { request } = this.beat();
    this.condition = 'dead';
    this.reading.clear();
    return { ...request, owned: [], leaving: true };
  }

  hear(number: number, outcome: { answer: unknown } | { error: unknown }): void {
    if (this.condition !== 'running' || number !== this.waitsFor) return;
    this.waitsFor = 0;
    if ('error' in outcome) this.handleRefusal(outcome.error);
    else this.handleAnswer(outcome.answer as HeartbeatAnswer);
  }

  /** One partition that it was told to give up is finished. */
  finish(): void {
    for (const partition of this.reading) {
      if (this.assigned.has(partition)) continue;
      this.reading.delete(partition);
      return;
    }
  }

  /** Reads on, and commits in one partition, or in one that it read long ago if `strange`. */
  commit(pick: (limit: number) => number, strange?: string): CommitRequest | undefined {
    const { memberId, epoch: memberEpoch } = this;
    const partition = strange ?? [...this.reading][pick(Math.max(1, this.reading.size))];
    if (memberEpoch === undefined || partition === undefined) return undefined;
    const offset = (this.next.get(partition) ?? 0) + pick(5);
    this.next.set(partition, offset);
    const position = { ...parse(partition), offset, lastEpoch: -1, metadata: '' };
    return { memberId, memberEpoch, positions: [position] };
  }

  private handleAnswer({ memberEpoch, assigned }: HeartbeatAnswer): void {
    // What an older epoch granted may be somebody else's by now.
    if (this.epoch !== undefined && compareEpochs(memberEpoch, this.epoch) < 0) return;
    this.epoch = memberEpoch;
    this.assigned = new Set(assigned.map(({ topic, partition }) => `${topic}/${partition}`));
    for (const partition of this.assigned) this.reading.add(partition);
  }

  private handleRefusal(error: unknown): void {
    if (ZhumqError.is(error)) {
      if (error.code === 'FENCED_INSTANCE') this.condition = 'dead';
      if (['UNKNOWN_MEMBER', 'FENCED_MEMBER', 'FENCED_INSTANCE'].includes(error.code)) {
        this.memberId = this.newId();
        this.epoch = undefined;
        this.reading.clear();
        this.assigned = new Set();
      }
    }
  }
}

function parse(name: string): { topic: string; partition: number } {
  const [topic, partition] = name.split('/');
  return { topic, partition: Number(partition) };
}
