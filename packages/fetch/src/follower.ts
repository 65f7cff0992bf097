// A replica that takes its log from the leader of its epoch: asks from its end on, cuts where the logs part, appends.
import { firstToGo } from './divergence.js';
import { continuesLog } from './message-check.js';
import type { Replica } from './replica.js';
import type { RoleState, Transitions } from './role.js';
import type { Epoch, Offset, Position, ReceivedAnswer } from './types.js';

type Records = Extract<ReceivedAnswer, { kind: 'records' }>;
type Diverging = Extract<ReceivedAnswer, { kind: 'diverging' }>;

export class Follower implements RoleState {
  readonly role = 'follower';
  /** The log is a prefix of this epoch's leader's, which only grows: nothing is cut any more in this epoch. */
  private agrees = false;
  /** The driver copies segments; until it answers, the log belongs to the copy. */
  private copying: { readonly mayLoseCommitted: boolean } | undefined = undefined;
  /** The leader refused: it is asked again at the next tick, not in a loop. */
  private paused = false;
  /** Ticks with refusals since the last agreement or question to the zkserver. */
  private refusedTicks = 0;
  /** Ticks before the zkserver may be asked again. */
  private askPause = 0;

  constructor(
    private readonly replica: Replica,
    private readonly transitions: Transitions,
  ) {}

  tick(): void {
    if (this.askPause > 0) this.askPause -= 1;
    if (!this.paused) return;
    this.paused = false;
    this.refusedTicks += 1;
    if (this.refusedTicks >= this.replica.config.retryTicks) this.askState();
    this.positionChanged();
  }

  logSynced(): void {
    this.positionChanged();
  }

  get copiesSegments(): boolean {
    return this.copying !== undefined;
  }

  position(): Position | undefined {
    if (this.copying !== undefined || this.paused) return undefined;
    const { self, config, epoch, log, tainted } = this.replica;
    const { incarnation } = config;
    const { logEnd: offset, lastEpoch, durableEnd, syncedEnd } = log;
    return { replica: self, incarnation, epoch, offset, lastEpoch, durableEnd, syncedEnd, tainted };
  }

  /** An answer to another position than the present one says nothing any more. */
  received(answer: ReceivedAnswer): void {
    const { replica } = this;
    if (answer.leader !== replica.leader || answer.offset !== replica.log.logEnd) return;
    if (this.copying !== undefined) return;
    if (answer.kind === 'fenced' || answer.kind === 'notLeader') {
      this.handleRefusal(answer.epoch);
      return;
    }
    if (answer.epoch !== replica.epoch) return;
    if (answer.kind === 'records') this.handleRecords(answer);
    else if (answer.kind === 'diverging') this.handleDiverging(answer);
    else this.copySegments();
  }

  segmentsCopied(): void {
    const { replica, copying } = this;
    if (copying === undefined) return;
    this.copying = undefined;
    const { logEnd } = replica.log;
    if (logEnd < replica.highWatermark && !copying.mayLoseCommitted) {
      this.transitions.halt(
        `the copy of ${replica.leader} ends at ${logEnd}, but ${replica.highWatermark} is committed here`,
      );
      return;
    }
    replica.replaced();
    this.agrees = true;
    this.positionChanged();
  }

  copyFailed(): void {
    if (this.copying === undefined) return;
    this.copying = undefined;
    this.paused = true;
  }

  private handleRecords(answer: Records): void {
    const { replica } = this;
    const { log } = replica;
    const { batches, epoch } = answer;
    const joins = answer.from === log.logEnd;
    if (!joins || !continuesLog(batches, log.logEnd, log.lastEpoch, epoch)) {
      this.reject();
      return;
    }
    this.agrees = true;
    this.refusedTicks = 0;
    const end = (batches.at(-1)?.lastOffset ?? log.logEnd - 1) + 1;
    if (batches.length > 0) {
      replica.outbox.add({ kind: 'append', batches, payload: answer.payload });
    }
    // Never above what this log holds of the leader's (rule 18).
    replica.raiseHighWatermark(Math.min(answer.highWatermark, end));
    const cleared = this.maybeClearTaint(answer);
    this.maybeSync(answer.syncThrough, end);
    if (batches.length > 0 || cleared) this.positionChanged();
  }

  private handleDiverging(answer: Diverging): void {
    const { replica } = this;
    const { log } = replica;
    // Late answer to a position before the last cut: cutting again would take back what was reported since.
    if (this.agrees) return;
    const from = firstToGo(log, answer.divergingEpoch, answer.divergingEnd);
    if (from !== undefined && from >= log.logEnd) {
      this.reject();
      return;
    }
    if ((from ?? 0) < replica.highWatermark && !replica.mayLoseCommitted) {
      this.transitions.halt(
        `leader ${replica.leader} of epoch ${replica.epoch} would cut offset ${from ?? 0}, but everything below ` +
          `${replica.highWatermark} is committed; its log has epoch ${answer.divergingEpoch} through ${answer.divergingEnd}`,
      );
      return;
    }
    if (from === undefined || from < log.logStart) {
      this.copySegments();
      return;
    }
    replica.truncate(from);
    this.positionChanged();
  }

  private copySegments(): void {
    const { replica } = this;
    const { leader, epoch, outbox, mayLoseCommitted } = replica;
    if (leader === undefined) return;
    this.copying = { mayLoseCommitted };
    outbox.add({ kind: 'copySegments', leader, epoch });
  }

  private handleRefusal(epoch: Epoch): void {
    this.paused = true;
    // Somebody leads in a later epoch; a leader that lags behind will hear of its own in a moment.
    if (epoch > this.replica.epoch) this.askState();
  }

  /** The leader judged by what was reported; checked again, because an answer may be late. */
  private maybeClearTaint({ untaint, highWatermark }: Records): boolean {
    const { replica } = this;
    if (!untaint || !replica.tainted || replica.log.syncedEnd < highWatermark) return false;
    replica.clearTaint();
    return true;
  }

  private maybeSync(asked: Offset, logEnd: Offset): void {
    const { log, outbox } = this.replica;
    const through = Math.min(asked, logEnd);
    if (through > log.syncedEnd) outbox.add({ kind: 'syncNow', through });
  }

  private askState(): void {
    if (this.askPause > 0) return;
    this.askPause = this.replica.config.retryTicks;
    this.refusedTicks = 0;
    this.replica.outbox.add({ kind: 'askState' });
  }

  private reject(): void {
    this.replica.rejectedMessages += 1;
    this.paused = true;
  }

  private positionChanged(): void {
    this.replica.outbox.add({ kind: 'positionChanged' });
  }
}
