// One signal may end a thousand calls. Node takes more than ten listeners on a signal for a leak and says so on standard
// error; here they come off when their calls end.
import { setMaxListeners } from 'node:events';

const shared = new WeakSet<AbortSignal>();

/** The same signal, ready for any number of listeners. */
export function sharedSignal(signal: AbortSignal): AbortSignal {
  if (!shared.has(signal)) {
    shared.add(signal);
    setMaxListeners(0, signal);
  }
  return signal;
}

/** A controller whose signal is for many. */
export function sharedController(): AbortController {
  const controller = new AbortController();
  sharedSignal(controller.signal);
  return controller;
}
