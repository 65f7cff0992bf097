// Carries writes out under the fence of the controller epoch. A write that was sent and got no answer is looked up: its
// own bytes in the store say that it was done (rule 33).
import type { Leadership, MetadataStore, StoreOperation } from '@zhumq/metadata';
import { isError } from '@zhumq/model';
import type { Write } from './decision.js';

export interface FencedWriterOptions {
  readonly leadership: Leadership;
  readonly store: MetadataStore;
  readonly onWrite: (outcome: 'done' | 'refused' | 'failed') => void;
}

export class FencedWriter {
  constructor(private readonly options: FencedWriterOptions) {}

  /**
   * False when the store is not as the write expects; nothing was done then. Throws STALE_CONTROLLER (nothing was done) and
   * STORE_UNAVAILABLE (what was done must be read again).
   */
  async write(write: Write): Promise<boolean> {
    const { leadership, onWrite } = this.options;
    try {
      const { ok } = await leadership.fencedMulti(write);
      onWrite(ok ? 'done' : 'refused');
      return ok;
    } catch (error) {
      const isDone = mayBeDone(error) && (await this.wasDone(write));
      onWrite(isDone ? 'done' : 'failed');
      if (!isDone) throw error;
      return true;
    }
  }

  /** All or nothing, so one operation tells for all. */
  private async wasDone(write: Write): Promise<boolean> {
    const telling = write.find(({ kind }) => kind !== 'check');
    if (telling === undefined) return true;
    const node = await this.options.store.get(telling.path, { fresh: true });
    if (telling.kind === 'delete') return node === undefined;
    const { data } = telling as Extract<StoreOperation, { readonly data: Uint8Array }>;
    const version = telling.kind === 'set' ? telling.version + 1 : 0;
    return node?.version === version && node.data.equals(data);
  }
}

function mayBeDone(error: unknown): boolean {
  return isError(error, 'STORE_UNAVAILABLE') && error.context.sent !== false;
}
