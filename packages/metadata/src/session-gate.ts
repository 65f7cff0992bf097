// The present session of a store: its state, who listens to it and who waits for it.
import type { Session, SessionListener } from './metadata-store.js';

export class SessionGate {
  private current: Session = { state: 'lost', number: 0, token: '' };
  private readonly listeners = new Set<SessionListener>();
  private readonly waiting = new Set<() => void>();

  get session(): Session {
    return this.current;
  }

  /** Tells the listeners before it returns: on `lost` they must have stopped acting by then. */
  change(next: Session): void {
    this.current = next;
    for (const listener of [...this.listeners]) {
      try {
        listener(next);
      } catch (error) {
        // A bug of that listener: it crashes as such, after the other listeners were told.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    this.wake();
  }

  onChange(listener: SessionListener): () => void {
    const own: SessionListener = (session) => listener(session);
    this.listeners.add(own);
    return () => void this.listeners.delete(own);
  }

  /** Resolves at the next change. */
  nextChange(): { readonly changed: Promise<void>; readonly forget: () => void } {
    let wake: () => void = () => undefined;
    const changed = new Promise<void>((resolve) => (wake = resolve));
    this.waiting.add(wake);
    return { changed, forget: () => void this.waiting.delete(wake) };
  }

  /** For the end of the store: listeners hear nothing more, those who wait look again. */
  shut(): void {
    this.listeners.clear();
    this.current = { ...this.current, state: 'lost' };
    this.wake();
  }

  private wake(): void {
    for (const wake of [...this.waiting]) wake();
    this.waiting.clear();
  }
}
