// The leader's way of sending: asks the core what each marked peer needs next, reads those bytes from the log, sends.
// Recent bytes are in memory and leave in the same turn; a follower far behind is served from disk, one read at a time.
import type { Logger } from '@zhumq/base';
import type { LogSlice, ReplicaLog } from '@zhumq/log';
import type { AppendPlan, AppendRequest, RaftCore } from '@zhumq/raft';
import type { GroupAddress } from './raft-messages.js';
import type { GroupTransport } from './raft-replicator.js';

export interface AppendSenderOptions {
  readonly core: RaftCore;
  readonly log: ReplicaLog;
  readonly group: GroupAddress;
  readonly transport: GroupTransport;
  readonly logger: Logger;
  /** Told of each message before it leaves. */
  readonly onSend: (message: AppendRequest) => void;
  /** The replica was stopped or failed. */
  readonly idle: () => boolean;
  /** A read from disk ended: there may be effects, and the peer is marked again. */
  readonly onColdRead: () => void;
  /** The peer's connection had no room for a message. */
  readonly onRefused: (replicaId: string) => void;
}

export class AppendSender {
  private marked = new Set<string>();

  constructor(private readonly options: AppendSenderOptions) {}

  /** The peer has something to get at the end of this turn. */
  mark(peer: string): void {
    this.marked.add(peer);
  }

  flush(): void {
    const peers = this.marked;
    this.marked = new Set();
    for (const peer of peers) this.sendTo(peer);
  }

  /** Asks until the core has nothing more, also after a failure: until then it takes the peer for being served. */
  private sendTo(peer: string): void {
    const { core } = this.options;
    for (let plan = core.nextAppend(peer); plan !== undefined; plan = core.nextAppend(peer)) {
      const slice = this.read(plan);
      if (slice instanceof Promise) this.sendLater(plan, slice);
      else if (slice !== 'failed') this.send(plan, slice);
    }
  }

  /** Undefined for a probe: there is nothing after `plan.from`. */
  private read(plan: AppendPlan): LogSlice | Promise<LogSlice> | undefined | 'failed' {
    const { log } = this.options;
    if (plan.from >= log.logEnd) return undefined;
    try {
      return log.read(plan.from, log.logEnd, plan.maxBytes);
    } catch (error) {
      this.readFailed(plan, error);
      return 'failed';
    }
  }

  /** Meanwhile the peer gets no second plan. What was read is dropped unless this replica still leads in that term. */
  private sendLater(plan: AppendPlan, reading: Promise<LogSlice>): void {
    const { core, idle, onColdRead } = this.options;
    const after = (finish: () => void): void => {
      if (idle()) return;
      finish();
      this.mark(plan.to);
      onColdRead();
    };
    reading.then(
      (slice) =>
        after(() => {
          if (core.role === 'leader' && core.term === plan.term) this.send(plan, slice);
          else core.appendFailed(plan);
        }),
      (error: unknown) => after(() => this.readFailed(plan, error)),
    );
  }

  private readFailed(plan: AppendPlan, error: unknown): void {
    const { core, logger, group } = this.options;
    logger.warn({ err: error, ...group, from: plan.from }, 'could not read for a follower');
    core.appendFailed(plan);
  }

  /** When the connection has no room the peer is probed again after its next heartbeat. */
  private send(plan: AppendPlan, slice: LogSlice | undefined): void {
    const { core, log, group, transport, onSend, onRefused } = this.options;
    const message: AppendRequest = {
      type: 'append',
      from: log.identity.replicaId,
      to: plan.to,
      term: plan.term,
      prevOffset: plan.prevOffset,
      prevEpoch: plan.prevEpoch,
      batches: [],
      commit: plan.commit,
      untaint: plan.untaint,
    };
    const lastOffset = slice === undefined ? plan.from - 1 : slice.endOffset - 1;
    onSend(message);
    if (transport.send(group, message, slice?.buffers)) {
      core.appendSent(plan, lastOffset, slice?.bytes ?? 0);
      return;
    }
    core.appendFailed(plan);
    queueMicrotask(() => onRefused(plan.to));
  }
}
