// Records pushed over one connection: as they come, as far as the program's window goes. What it acknowledges makes room.
// Nothing is taken from the group before there is room for it, and nothing while the socket takes no more, so that a
// program that stalls costs its window and delays nobody.
import { ZhumqError } from '@zhumq/base';
import type { Clock, Logger, Timer } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { failureOf, recordListenerClient } from '@zhumq/rpc';
import type { CallContext, RecordId, RecordListenerClient } from '@zhumq/rpc';
import type { Member } from './member.js';
import { NotHeld } from './member.js';

const DELIVERY_RECORDS = 500;
const DELIVERY_BYTES = 256 * 1024;
/** Beyond it nothing more is taken from the group until the kernel has it all. */
const MAX_BUFFERED_BYTES = 64 * 1024;
/** How long one look for records takes; whether the subscription has ended is seen after it. */
const LOOK_MS = 1_000;

export interface SubscriptionParts {
  readonly member: Member;
  readonly context: CallContext;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly window: { readonly maxRecords: number; readonly maxBytes: number };
  readonly heartbeatMs: number;
  /** The error as the program is to read it. */
  readonly told: (error: unknown) => unknown;
  /** It has ended by itself. */
  readonly ended: () => void;
}

export class Subscription {
  private readonly listener: RecordListenerClient;
  private beating: Timer | undefined;
  private over = false;

  constructor(private readonly parts: SubscriptionParts) {
    this.listener = recordListenerClient(parts.context.peer);
  }

  start(): void {
    if (this.over) return;
    const { clock, heartbeatMs, member } = this.parts;
    this.beating = clock.every(heartbeatMs, () => {
      this.listener.ping(clock.wallMs());
      // Nobody needs to acknowledge it again to have its room.
      member.forgetCommitted();
    });
    void this.run();
  }

  /** These are handled; resolves when that is committed, or the program was told why not. */
  async acknowledge(records: readonly RecordId[]): Promise<void> {
    const { member, told } = this.parts;
    member.heard();
    if (records.length === 0) return;
    try {
      await member.acknowledge(records);
    } catch (error) {
      const [which, why] =
        error instanceof NotHeld ? [error.records, error.error] : [records, told(error)];
      this.logUnforeseen(why);
      if (!this.over) this.listener.refused([...which], failureOf(why));
    }
  }

  /** Tells the program why, and ends. */
  close(reason: ZhumqError): void {
    if (this.over) return;
    this.end();
    this.listener.closed(failureOf(reason));
  }

  end(): void {
    this.over = true;
    this.beating?.cancel();
    this.parts.member.roomMade();
  }

  private async run(): Promise<void> {
    const { member, told, ended } = this.parts;
    try {
      while (await this.untilRoom()) {
        const maxRecords = Math.min(DELIVERY_RECORDS, this.roomRecords);
        const maxBytes = Math.min(DELIVERY_BYTES, this.roomBytes);
        const records = await member.take({ maxRecords, maxBytes, waitMs: LOOK_MS });
        if (records.length > 0 && !this.over) this.listener.deliver(records);
      }
    } catch (error) {
      if (this.over) return;
      const why = told(error);
      this.logUnforeseen(why);
      this.close(ZhumqError.is(why) ? why : zhumqError('INTERNAL', 'the subscription failed'));
      ended();
    }
  }

  private get roomRecords(): number {
    return this.parts.window.maxRecords - this.parts.member.unackedRecords;
  }

  private get roomBytes(): number {
    return this.parts.window.maxBytes - this.parts.member.unackedBytes;
  }

  /** False when the subscription is over. */
  private async untilRoom(): Promise<boolean> {
    const { context, member } = this.parts;
    while (!this.over && context.bufferedBytes > MAX_BUFFERED_BYTES) await context.written();
    while (!this.over && (this.roomRecords <= 0 || this.roomBytes <= 0)) {
      await new Promise<void>((resolve) => (member.roomMade = resolve));
    }
    return !this.over;
  }

  private logUnforeseen(error: unknown): void {
    if (ZhumqError.is(error)) return;
    this.parts.logger.error({ err: error }, 'a subscription failed for a reason nobody foresaw');
  }
}
