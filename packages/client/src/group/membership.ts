// A member of a group: joins, tells by heartbeats on a timer of its own that it lives, leaves, and knows when its membership
// is in doubt. What it is given and must give up is its owner's business.
//
//   joining --answer--> member --no answer for the session timeout--> in doubt --answer--> member
//      ^                  |                                              |
//      +---UNKNOWN_MEMBER, FENCED_MEMBER: everything is lost-------------+        leave(): ends from anywhere
//
// A member makes its id itself, a new one each time that it joins, so that a join whose answer was lost is repeated as the
// same member, and left as the same member.
//
// Invariant: while the last answered heartbeat was sent longer ago than the session timeout, `certain()` is false and nothing
// is handled: the coordinator may have given the partitions away. That is the case too when the event loop stood still.
import { Deadline, randomId } from '@zhumq/base';
import type { Clock, Random, Timer, ZhumqError } from '@zhumq/base';
import type { GroupHeartbeat, GroupHeartbeatReply, GroupPartition, MemberEpoch } from '@zhumq/rpc';
import { asZhumqError } from '../errors.js';
import { RetrySchedule } from '../retry-schedule.js';
import type { GroupSettings } from './group-settings.js';

export interface MembershipPort {
  readonly clock: Clock;
  readonly random: Random;
  /** One attempt. */
  heartbeat(request: GroupHeartbeat, timeoutMs: number): Promise<GroupHeartbeatReply>;
  /** What is read at present. */
  owned(): readonly GroupPartition[];
  /** What may be read from now on. */
  assigned(partitions: readonly GroupPartition[]): void;
  /** Nothing that was owned is ours any more. */
  lost(error: ZhumqError): void;
  /** No answer for the session timeout. */
  doubted(): void;
  /** The doubt is over, and nothing was lost. */
  confirmed(): void;
  /** The event loop stood still. */
  blocked(delayMs: number): void;
  /** No waiting can cure it. */
  failed(error: ZhumqError): void;
  /** A heartbeat did not work. */
  troubled(error: ZhumqError): void;
}

const RETRY = { minMs: 50, maxMs: 1000 };
const MIN_INTERVAL_MS = 10;
/** Errors that a waiting member survives although the table calls them not retriable: the coordinator met a bug. */
const WAITED_OUT: ReadonlySet<string> = new Set(['INTERNAL', 'ABORTED']);

export class Membership {
  private memberId = randomId();
  /** A heartbeat with this id was sent: the coordinator may know it. */
  private introduced = false;
  private epoch: MemberEpoch | undefined;
  /** When the last heartbeat was sent that was answered. */
  private confirmedMs = 0;
  private joiningSinceMs = 0;
  private lastTrouble: ZhumqError | undefined;
  private doubtful = false;
  private started = false;
  private ended = false;
  private beating: Promise<void> | undefined;
  private again = false;
  private timer: Timer | undefined;
  private watch: Timer | undefined;
  private watchDueMs = Infinity;
  private readonly schedule: RetrySchedule;

  constructor(
    private readonly port: MembershipPort,
    private readonly settings: GroupSettings,
    private readonly topics: readonly string[],
  ) {
    this.schedule = new RetrySchedule(RETRY, port.random);
  }

  start(): void {
    if (this.started || this.ended) return;
    this.started = true;
    this.joiningSinceMs = this.port.clock.monotonicMs();
    this.watchAgain();
    this.beat();
  }

  /** Empty while it is no member. */
  get id(): string {
    return this.epoch === undefined ? '' : this.memberId;
  }

  get joined(): boolean {
    return this.epoch !== undefined && !this.ended;
  }

  get inDoubt(): boolean {
    return this.doubtful;
  }

  get sinceHeartbeatMs(): number {
    return this.joined ? this.port.clock.monotonicMs() - this.confirmedMs : 0;
  }

  /** How long it has tried to become a member; 0 when it is one. */
  get joiningMs(): number {
    if (!this.started || this.ended || this.joined) return 0;
    return this.port.clock.monotonicMs() - this.joiningSinceMs;
  }

  /** What the last heartbeat ended with, if that was an error. */
  get trouble(): ZhumqError | undefined {
    return this.lastTrouble;
  }

  /** What commits must name; undefined when it is no member. */
  get token(): { readonly memberId: string; readonly memberEpoch: MemberEpoch } | undefined {
    const { memberId, epoch: memberEpoch } = this;
    return memberEpoch === undefined || this.ended ? undefined : { memberId, memberEpoch };
  }

  /** Whether the partitions are certainly still this member's. Asked before each message. */
  certain(): boolean {
    if (this.doubtful) return false;
    if (!this.joined) return true;
    const now = this.port.clock.monotonicMs();
    if (now - this.confirmedMs <= this.settings.sessionTimeoutMs) return true;
    this.doubt(now);
    return false;
  }

  /** Tells the coordinator now what is owned. */
  nudge(): void {
    if (!this.started || this.ended) return;
    if (this.beating !== undefined) this.again = true;
    else this.beat();
  }

  /** Resolves when a heartbeat that began after this call has ended, well or not: the token is then as new as can be. */
  async confirm(): Promise<void> {
    await this.beating;
    if (this.ended) return;
    if (this.beating === undefined) this.beat();
    await this.beating;
  }

  /** Says good-bye; never rejects. Nothing is sent after it has resolved. */
  async leave(timeoutMs: number): Promise<void> {
    const { clock } = this.port;
    const deadline = Deadline.after(clock, timeoutMs);
    this.ended = true;
    this.timer?.cancel();
    this.watch?.cancel();
    // A join that is overtaken by the good-bye would be one for good.
    if (this.beating !== undefined) await this.within(this.beating, deadline);
    if (!this.introduced) return;
    for (;;) {
      try {
        const left = deadline.remainingMs();
        if (left > 0) await this.port.heartbeat({ ...this.request(), leaving: true }, left);
        return;
      } catch (caught) {
        const error = asZhumqError(caught);
        this.port.troubled(error);
        const waitMs = this.schedule.nextMs(error.code);
        if (!error.retriable || deadline.remainingMs() <= waitMs) return;
        await new Promise<void>((resolve) => clock.after(waitMs, resolve));
      }
    }
  }

  private within(work: Promise<void>, deadline: Deadline): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.port.clock.after(deadline.remainingMs(), resolve);
      void work.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  // ---- heartbeats -------------------------------------------------------------------------------------------------

  private beat(): void {
    this.timer?.cancel();
    this.again = false;
    this.beating = this.beatOnce().then((waitMs) => {
      this.beating = undefined;
      if (this.ended || waitMs === undefined) return;
      this.timer = this.port.clock.after(this.again ? 0 : waitMs, () => this.beat());
    });
  }

  /** Gives how long to wait until the next one; undefined: there is none. */
  private async beatOnce(): Promise<number | undefined> {
    const { clock } = this.port;
    const { sessionTimeoutMs } = this.settings;
    const sentMs = clock.monotonicMs();
    this.introduced = true;
    try {
      const reply = await this.port.heartbeat(this.request(), Math.ceil(sessionTimeoutMs / 3));
      this.accept(reply, sentMs);
      const most = Math.max(MIN_INTERVAL_MS, sessionTimeoutMs / 2);
      const intervalMs = Math.min(most, Math.max(MIN_INTERVAL_MS, reply.heartbeatIntervalMs));
      return Math.max(0, intervalMs - (clock.monotonicMs() - sentMs));
    } catch (caught) {
      return this.failed(asZhumqError(caught));
    }
  }

  private request(): GroupHeartbeat {
    const { group, instanceId, clientId, sessionTimeoutMs } = this.settings;
    const { memberId, epoch: memberEpoch, topics } = this;
    const common = { group, instanceId, clientId, sessionTimeoutMs, topics: [...topics] };
    return { ...common, memberId, memberEpoch, owned: [...this.port.owned()], leaving: false };
  }

  private accept(reply: GroupHeartbeatReply, sentMs: number): void {
    this.epoch = reply.memberEpoch;
    if (this.ended) return;
    this.confirmedMs = sentMs;
    this.lastTrouble = undefined;
    this.schedule.reset();
    this.port.assigned(reply.assigned);
    // An answer that took longer than the session confirms nothing.
    if (!this.doubtful || this.port.clock.monotonicMs() - sentMs > this.settings.sessionTimeoutMs) {
      return;
    }
    this.doubtful = false;
    this.port.confirmed();
  }

  private failed(error: ZhumqError): number | undefined {
    if (this.ended) return undefined;
    this.lastTrouble = error;
    this.port.troubled(error);
    const gone = error.code === 'UNKNOWN_MEMBER' || error.code === 'FENCED_MEMBER';
    if (gone) this.forget(error);
    else if (!error.retriable && !WAITED_OUT.has(error.code)) {
      this.ended = true;
      this.watch?.cancel();
      this.port.failed(error);
      return undefined;
    }
    return this.schedule.nextMs(error.code);
  }

  private forget(error: ZhumqError): void {
    this.memberId = randomId();
    this.introduced = false;
    this.epoch = undefined;
    this.joiningSinceMs = this.port.clock.monotonicMs();
    this.doubtful = false;
    this.port.lost(error);
  }

  // ---- doubt ------------------------------------------------------------------------------------------------------

  private watchAgain(): void {
    const { clock } = this.port;
    const periodMs = this.settings.sessionTimeoutMs / 4;
    this.watchDueMs = clock.monotonicMs() + periodMs;
    this.watch = clock.after(periodMs, () => {
      this.certain();
      this.watchAgain();
    });
  }

  private doubt(now: number): void {
    this.doubtful = true;
    // A timer that is so late means that nothing ran meanwhile, heartbeats least of all: the silence is our own.
    const lateMs = now - this.watchDueMs;
    this.port.doubted();
    if (lateMs > this.settings.sessionTimeoutMs / 2) {
      this.watchDueMs = now;
      this.port.blocked(Math.round(lateMs));
    }
    this.nudge();
  }
}
