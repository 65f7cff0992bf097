// What code reaches without being given it: globals of Node.js that are time or chance. For the time of a run they are
// the simulation's, so that the code that ships runs unchanged and new uses are caught, too. A real timer has no place in
// a run: whoever sets one is told.
//
// Left alone, because they are as deterministic as the code that uses them: promises, process.nextTick, queueMicrotask.
import crypto from 'node:crypto';
import type { Random } from '@zhumq/base';
import type { ScheduledEvent, Scheduler } from './scheduler.js';

/** Wall time at the beginning of a run. */
export const WALL_START_MS = Date.UTC(2026, 0, 1);

interface Inside {
  readonly scheduler: Scheduler;
  readonly random: Random;
}

/** The run whose globals these are; between runs everything goes to the machine. */
let inside: Inside | undefined;
/** Who needs the stand-ins to be in place: each run, and whoever does many. */
let holders = 0;
let restoreAll: (() => void) | undefined;

/** Puts the simulation in the place of the machine; returns what puts the machine back. */
export function enterSimulation(
  scheduler: Scheduler,
  random: Random,
  stackTraceLimit: number,
): () => void {
  const release = keepStandIns();
  const limitBefore = Error.stackTraceLimit;
  inside = { scheduler, random };
  Error.stackTraceLimit = stackTraceLimit;
  return () => {
    inside = undefined;
    Error.stackTraceLimit = limitBefore;
    release();
  };
}

/**
 * Leaves the stand-ins in place between runs: code that was optimized for these globals is thrown away each time one of
 * them changes.
 */
export function keepStandIns(): () => void {
  if (holders++ === 0) restoreAll = install();
  return () => {
    if (--holders === 0) restoreAll?.();
  };
}

function install(): () => void {
  const { setImmediate, clearImmediate, setTimeout, setInterval } = globalThis;
  const dateNow = Date.now.bind(Date);
  const performanceNow = performance.now.bind(performance);
  const mathRandom = Math.random.bind(Math);
  const randomBytes = crypto.randomBytes.bind(crypto);
  const timer =
    <T extends (...given: never[]) => unknown>(name: string, real: T) =>
    (...given: Parameters<T>) => {
      if (inside !== undefined)
        throw new Error(`${name} in a simulation: use the clock that you were given`);
      return real(...given);
    };
  const replaced = [
    replace(globalThis, {
      setImmediate: (callback: (...given: unknown[]) => void, ...given: unknown[]) => {
        if (inside === undefined) return setImmediate(callback, ...given);
        const { scheduler } = inside;
        const run = given.length === 0 ? callback : (): void => callback(...given);
        return scheduler.turn(scheduler.current, run);
      },
      clearImmediate: (event: ScheduledEvent | NodeJS.Immediate | undefined) => {
        if (event === undefined) return;
        if ('life' in event) event.run = undefined;
        else clearImmediate(event);
      },
      setTimeout: timer('setTimeout', setTimeout),
      setInterval: timer('setInterval', setInterval),
    }),
    replace(Date, {
      now: () =>
        inside === undefined ? dateNow() : WALL_START_MS + Math.floor(inside.scheduler.nowMs),
    }),
    replace(performance, {
      now: () => (inside === undefined ? performanceNow() : inside.scheduler.nowMs),
    }),
    replace(Math, { random: () => inside?.random.fraction() ?? mathRandom() }),
    replace(crypto, {
      randomBytes: (size: number) => {
        if (inside === undefined) return randomBytes(size);
        const bytes = Buffer.allocUnsafe(size);
        for (let at = 0; at < size; at++) bytes[at] = inside.random.below(256);
        return bytes;
      },
    }),
  ];
  return () => {
    for (const restore of replaced) restore();
  };
}

function replace(holder: object, members: Readonly<Record<string, unknown>>): () => void {
  const before = Object.keys(members).map(
    (name) => [name, Object.getOwnPropertyDescriptor(holder, name)] as const,
  );
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(holder, name, { value, configurable: true, writable: true });
  }
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(holder, name);
      else Object.defineProperty(holder, name, descriptor);
    }
  };
}
