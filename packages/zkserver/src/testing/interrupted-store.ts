// For tests: a store whose multis can be held back, or cut off at a chosen one, before or after they are done.
import { paths } from '@zhumq/metadata';
import type {
  MetadataStore,
  MultiDone,
  ReadOptions,
  Refused,
  StoreOperation,
} from '@zhumq/metadata';
import { zhumqError } from '@zhumq/model';

export type Interruption = 'before' | 'after';

export class InterruptedStore {
  interrupted = false;
  waiting = 0;
  private plan: { when: Interruption; writesLeft: number; cut: () => void } | undefined;
  private gate: Promise<void> = Promise.resolve();
  private open: () => void = () => undefined;
  private isPaused = false;

  /** The same store, but for its multis. */
  around(inner: MetadataStore): MetadataStore {
    return new Proxy(inner, {
      get: (target, name) => {
        if (name === 'multi') {
          return (operations: readonly StoreOperation[]) => this.multi(target, operations);
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** The multi with that number from now on gets no answer, and then `cut` happens. */
  interrupt(when: Interruption, write: number, cut: () => void): void {
    this.plan = { when, writesLeft: write, cut };
  }

  pauseWrites(): void {
    this.isPaused = true;
    this.gate = new Promise((resolve) => (this.open = resolve));
  }

  resumeWrites(): void {
    this.isPaused = false;
    this.open();
  }

  /** Takes /controller away with the rights of somebody else. */
  async depose(store: MetadataStore): Promise<void> {
    const controller = await store.get(paths.controller, { fresh: true });
    if (controller !== undefined) await store.delete(paths.controller, controller.version);
  }

  private async multi(
    store: MetadataStore,
    operations: readonly StoreOperation[],
  ): Promise<MultiDone | Refused> {
    if (this.isPaused) {
      this.waiting++;
      await this.gate;
    }
    const { plan } = this;
    if (plan === undefined || plan.writesLeft-- > 0) return store.multi(operations);
    this.plan = undefined;
    this.interrupted = true;
    if (plan.when === 'after') await store.multi(operations);
    plan.cut();
    throw zhumqError('STORE_UNAVAILABLE', 'cut off by the test', { sent: true });
  }
}

/** A store that forgets every watch but those of the election. */
export function withoutWatches(inner: MetadataStore): MetadataStore {
  const forget = (path: string, options?: ReadOptions): ReadOptions =>
    path === paths.controller ? { ...options } : { ...options, watch: undefined };
  return new Proxy(inner, {
    get: (target, name) => {
      if (name === 'children') {
        return (path: string, options?: ReadOptions) =>
          target.children(path, forget(path, options));
      }
      if (name === 'get') {
        return (path: string, options?: ReadOptions) => target.get(path, forget(path, options));
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
