// SIGINT and SIGTERM of a client verb: the first one asks the verb to end, the second one ends the process.
import { EXIT } from './exit-codes.js';

export class Interruption {
  private readonly controller = new AbortController();
  private received: 'SIGINT' | 'SIGTERM' | undefined;

  constructor() {
    process.on('SIGINT', this.onSignal);
    process.on('SIGTERM', this.onSignal);
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get by(): 'SIGINT' | 'SIGTERM' | undefined {
    return this.received;
  }

  /** The process reacts to signals by itself again. */
  end(): void {
    process.off('SIGINT', this.onSignal);
    process.off('SIGTERM', this.onSignal);
  }

  private readonly onSignal = (name: 'SIGINT' | 'SIGTERM'): void => {
    if (this.received !== undefined) process.exit(EXIT.interrupted);
    this.received = name;
    this.controller.abort(new Error(name));
  };
}
