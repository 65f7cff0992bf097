// Who listens to a consumer's events. One that throws stops nobody.
import type { ConsumerEvents } from '../api/consumer.js';
import type { ClientLogger } from '../api/client.js';

type Listener = (details: never) => void;

export class Listeners {
  private readonly byEvent = new Map<keyof ConsumerEvents, Set<Listener>>();

  constructor(private readonly logger: Pick<ClientLogger, 'error'>) {}

  /** Returns what removes the listener. */
  add<E extends keyof ConsumerEvents>(
    event: E,
    listener: (details: ConsumerEvents[E]) => void,
  ): () => void {
    let listeners = this.byEvent.get(event);
    if (listeners === undefined) this.byEvent.set(event, (listeners = new Set()));
    listeners.add(listener as Listener);
    return () => void listeners.delete(listener as Listener);
  }

  tell<E extends keyof ConsumerEvents>(event: E, details: ConsumerEvents[E]): void {
    for (const listener of this.byEvent.get(event) ?? []) {
      try {
        listener(details as never);
      } catch (error) {
        this.logger.error({ err: error, event }, 'a listener threw');
      }
    }
  }
}
