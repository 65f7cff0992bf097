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

/** Puts the simulation in the place of the machine; returns what puts the machine back. */
export function enterSimulation(scheduler: Scheduler, random: Random): () => void {
  const replaced = [
    replace(globalThis, {
      setImmediate: (callback: (...given: unknown[]) => void, ...given: unknown[]) =>
        scheduler.turn(scheduler.current, () => callback(...given)),
      clearImmediate: (event: ScheduledEvent | undefined) => {
        if (event !== undefined) event.run = undefined;
      },
      setTimeout: noTimer('setTimeout'),
      setInterval: noTimer('setInterval'),
    }),
    // Errors are values here, many and seldom looked at: their stacks cost more than anything else.
    replace(Error, { stackTraceLimit: 0 }),
    replace(Date, { now: () => WALL_START_MS + Math.floor(scheduler.nowMs) }),
    replace(performance, { now: () => scheduler.nowMs }),
    replace(Math, { random: () => random.fraction() }),
    replace(crypto, {
      randomBytes: (size: number) => {
        const bytes = Buffer.allocUnsafe(size);
        for (let at = 0; at < size; at++) bytes[at] = random.below(256);
        return bytes;
      },
    }),
  ];
  return () => {
    for (const restore of replaced) restore();
  };
}

function noTimer(name: string): () => never {
  return () => {
    throw new Error(`${name} in a simulation: use the clock that you were given`);
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
