// The only order of things in a simulation: events in virtual time, one after the other, each run to its end (all of its
// microtasks) before the next begins. Nothing waits for the machine.
//
//   heap (due, order) ──► event ──► microtasks ──► its turns (setImmediate) ──► next event
//
// Every event belongs to the life of a process: one that ended takes its events with it, one that stands still gets
// them when it goes on, in the same order.
import { Digest } from './digest.js';
import { Life } from './life.js';

export interface ScheduledEvent {
  readonly dueMs: number;
  readonly order: number;
  readonly life: Life;
  run: (() => void) | undefined;
}

/** Real turns of the event loop: what drains microtasks. Taken before anybody replaces it. */
const realTurn = setImmediate;
/**
 * Runs process.nextTick callbacks and microtasks until there are none, as Node.js does between two callbacks; a turn of
 * the event loop does the same, and costs as much as an event. Not documented: where it is missing, turns are used.
 */
const drain = (process as { _tickCallback?: () => void })._tickCallback?.bind(process);
/** Events until the machine's own business (signals, output) has its turn. */
const EVENTS_IN_TURN = 500;
/** Events at one instant of virtual time beyond which it will never pass. */
const MAX_EVENTS_AT_ONCE = 1_000_000;

export class Scheduler {
  nowMs = 0;
  /** Events that ran. */
  events = 0;
  /** Whose code runs at present. */
  current: Life;
  readonly digest = new Digest();
  /** Belongs to no process: the network's cables, the store's ensemble, the fault plan. */
  readonly world = new Life('world', 0);
  /** Called after each event and its microtasks. */
  afterEvent: ((life: Life) => void) | undefined;
  /** The process that runs at present threw where nobody catches. */
  onUncaught: (error: unknown) => void = (error) => {
    throw error;
  };
  private readonly heap: ScheduledEvent[] = [];
  private turns: ScheduledEvent[] = [];
  private turnAt = 0;
  private created = 0;
  private eventsAtOnce = 0;

  constructor() {
    this.current = this.world;
  }

  /** Runs once, `delayMs` from now. */
  after(delayMs: number, life: Life, run: () => void): ScheduledEvent {
    const dueMs = this.nowMs + (delayMs > 0 ? delayMs : 0);
    const event = { dueMs, order: this.created++, life, run };
    this.push(event);
    return event;
  }

  /** Runs when the present event is over, at the same time. */
  turn(life: Life, run: () => void): ScheduledEvent {
    const event = { dueMs: this.nowMs, order: this.created++, life, run };
    this.turns.push(event);
    return event;
  }

  /** The rest of the present event belongs to that life; false when there are turns to come before. */
  becomes(life: Life): boolean {
    if (this.turnAt < this.turns.length) return false;
    this.current = life;
    return true;
  }

  /** A process that stood still goes on: what waited for it happens now. */
  resume(life: Life): void {
    life.paused = false;
    for (const event of life.takeHeld()) this.turns.push(event);
  }

  /** Runs everything that is due until then, or until `done` says so. */
  runUntil(untilMs: number, done: () => boolean = () => false): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          for (let events = 0; events < EVENTS_IN_TURN; events++) {
            this.afterEvent?.(this.current);
            const isDone = done();
            if (isDone || !this.runNext(untilMs)) {
              this.current = this.world;
              if (!isDone) this.nowMs = Math.max(this.nowMs, untilMs);
              resolve();
              return;
            }
            if (drain === undefined) break;
            this.drain(drain);
          }
        } catch (error) {
          reject(error as Error);
          return;
        }
        realTurn(turn);
      };
      realTurn(turn);
    });
  }

  /** False when nothing is left to do. */
  private runNext(untilMs: number): boolean {
    for (;;) {
      const event = this.next(untilMs);
      if (event === undefined) return false;
      const { life, run } = event;
      if (run === undefined || !life.alive) continue;
      if (life.paused) {
        life.hold(event);
        continue;
      }
      event.run = undefined;
      this.events++;
      if (++this.eventsAtOnce > MAX_EVENTS_AT_ONCE)
        throw new Error(
          `time stands still at ${this.nowMs} ms: ${life.name} always has more to do`,
        );
      this.current = life;
      this.digest.event(this.nowMs, life.number);
      try {
        run();
      } catch (error) {
        this.onUncaught(error);
      }
      return true;
    }
  }

  /** What a callback of process.nextTick throws comes out here. */
  private drain(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.onUncaught(error);
    }
  }

  private next(untilMs: number): ScheduledEvent | undefined {
    if (this.turnAt < this.turns.length) return this.turns[this.turnAt++];
    if (this.turns.length > 0) {
      this.turns = [];
      this.turnAt = 0;
    }
    const first = this.heap[0] as ScheduledEvent | undefined;
    if (first === undefined || first.dueMs > untilMs) return undefined;
    this.pop();
    if (first.dueMs > this.nowMs) {
      this.nowMs = first.dueMs;
      this.eventsAtOnce = 0;
    }
    return first;
  }

  private push(event: ScheduledEvent): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop() as ScheduledEvent;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(one: ScheduledEvent, other: ScheduledEvent): boolean {
  return one.dueMs === other.dueMs ? one.order < other.order : one.dueMs < other.dueMs;
}
