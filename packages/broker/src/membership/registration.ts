// The broker's ephemeral node under /brokers/ids: made again with every session, and whenever it is gone within one. It
// is all that a broker ever writes to the metadata store (rule 33).
//
//   wait for a session -> create -> registered -> (node or session gone) -> wait for a session -> ...
//                           `-> node of another session: our own earlier life's is taken away; any other one's is waited for
import { Backoff, delay, formatHostPort } from '@zhumq/base';
import type { Clock, Logger, Random } from '@zhumq/base';
import { paths } from '@zhumq/metadata';
import type { MetadataStore, NodeStat, Session } from '@zhumq/metadata';
import { brokerRegistrationCodec, isError, zhumqError } from '@zhumq/model';
import type { BrokerRegistration } from '@zhumq/model';

export interface RegistrationOptions {
  readonly store: MetadataStore;
  readonly registration: BrokerRegistration;
  /** After the end of a broker its node stays for so long at most. */
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The node is there, anew: what the zkserver decided meanwhile must be asked for. */
  readonly onRegistered: () => void;
  /** Another broker uses this id. */
  readonly onConflict: (error: Error) => void;
}

export class Registration {
  private readonly stop = new AbortController();
  private readonly unsubscribe: () => void;
  private registeredSession = 0;
  private wake: () => void = () => undefined;
  /** The registration of someone else that is waited for, and since when. */
  private occupant: { readonly owner: string | undefined; sinceMs: number } | undefined;

  constructor(private readonly options: RegistrationOptions) {
    this.unsubscribe = options.store.onSession(() => this.wake());
    this.run().catch((error: unknown) => {
      if (!this.stop.signal.aborted) this.options.onConflict(error as Error);
    });
  }

  get registered(): boolean {
    const { session } = this.options.store;
    return session.state === 'connected' && session.number === this.registeredSession;
  }

  /** Takes the node away, so that the zkserver knows at once. */
  async close(): Promise<void> {
    this.unsubscribe();
    this.stop.abort();
    if (!this.registered) return;
    const path = paths.liveBroker(this.options.registration.id);
    try {
      const node = await this.options.store.exists(path);
      if (node?.owner === this.options.store.session.token)
        await this.options.store.delete(path, node.version);
    } catch (error) {
      this.options.logger.warn(
        { err: error },
        'could not take the registration away; it ends with the session',
      );
    }
  }

  private async run(): Promise<void> {
    const { store, random, logger } = this.options;
    const backoff = new Backoff({ minMs: 50, maxMs: 1000 }, random);
    while (!this.stop.signal.aborted) {
      const { session } = store;
      try {
        if (session.state === 'connected' && (await this.tryRegister(session))) {
          this.occupant = undefined;
          this.registeredSession = session.number;
          backoff.reset();
          this.options.onRegistered();
          await this.untilGone(session);
          this.registeredSession = 0;
          continue;
        }
      } catch (error) {
        if (this.stop.signal.aborted || isError(error, 'INVALID_OPTION')) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        logger.warn(
          { reason },
          'registration in the metadata store failed; it will be tried again',
        );
      }
      await this.nextTry(backoff.nextMs());
    }
  }

  /** Resolves when the node that this session made is not there any more. */
  private async untilGone(session: Session): Promise<void> {
    const { store, registration, logger } = this.options;
    const { signal } = this.stop;
    for (;;) {
      let fire: () => void = () => undefined;
      const changed = new Promise<void>((resolve) => (fire = resolve));
      signal.addEventListener('abort', fire, { once: true });
      try {
        const node = await store.exists(paths.liveBroker(registration.id), { watch: fire });
        if (store.session.number !== session.number) return;
        if (node?.owner !== session.token) {
          logger.warn({}, 'the registration was taken away by someone; registering again');
          return;
        }
        await changed;
      } finally {
        signal.removeEventListener('abort', fire);
      }
      signal.throwIfAborted();
    }
  }

  private async nextTry(waitMs: number): Promise<void> {
    const { signal } = this.stop;
    const sessionChanged = new Promise<void>((resolve) => (this.wake = resolve));
    await Promise.race([delay(this.options.clock, waitMs, signal), sessionChanged]);
  }

  private async tryRegister(session: Session): Promise<boolean> {
    const { store, registration, logger } = this.options;
    const path = paths.liveBroker(registration.id);
    const created = await store.create(path, brokerRegistrationCodec.encode(registration), {
      ephemeral: true,
    });
    if (created.ok) return true;
    if (created.reason !== 'node-exists') return false;
    const node = await store.get(path);
    if (node === undefined) return false;
    // An ambiguous create may have been ours (rule 33).
    if (node.owner === session.token) return true;
    const other = brokerRegistrationCodec.decode(node.data);
    if (!isEarlierLife(other, registration)) {
      this.waitFor(other, node);
      return false;
    }
    // The node of our own earlier life: its process is dead, or this one could not have locked the data directory.
    logger.info(
      { incarnation: other.incarnation },
      'taking away the registration of an earlier life',
    );
    await store.delete(path, node.version);
    return false;
  }

  /**
   * An earlier life whose data directory was wiped looks like another broker, but its node goes with its session. Who is
   * still there after that is alive. Throws INVALID_OPTION then, unless it claims our own address.
   */
  private waitFor(other: BrokerRegistration, { owner }: NodeStat): void {
    const { clock, registration, sessionTimeoutMs, logger } = this.options;
    const nowMs = clock.monotonicMs();
    const patienceMs = sessionTimeoutMs + SESSION_MARGIN_MS;
    const isNew = this.occupant === undefined || this.occupant.owner !== owner;
    if (this.occupant === undefined || isNew) this.occupant = { owner, sinceMs: nowMs };
    const isLate = nowMs - this.occupant.sinceMs >= patienceMs;
    if (!isNew && !isLate) return;
    const { id, host, port } = registration;
    const address = formatHostPort(other);
    if (isLate && (other.host !== host || other.port !== port)) {
      throw zhumqError(
        'INVALID_OPTION',
        `broker id ${id} is used by another broker at ${address}; give each broker an id of its own`,
        { broker: id },
      );
    }
    this.occupant.sinceMs = nowMs;
    logger.warn(
      { broker: id, address, patienceMs },
      'this broker id is registered for another data directory; waiting for that session to end',
    );
  }
}

/** A node of this data directory, made before. Of two copies of a directory the later life is not taken away. */
function isEarlierLife(other: BrokerRegistration, own: BrokerRegistration): boolean {
  if (other.directoryId !== own.directoryId) return false;
  if (other.incarnation !== own.incarnation) return other.incarnation < own.incarnation;
  return other.host === own.host && other.port === own.port;
}

/** The servers look for sessions that have timed out every few seconds. */
const SESSION_MARGIN_MS = 3_000;
