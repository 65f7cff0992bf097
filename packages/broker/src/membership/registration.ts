// The broker's ephemeral node under /brokers/ids: made again with every session. It is all that a broker ever writes
// to the metadata store (rule 33).
import { Backoff, delay } from '@zhumq/base';
import type { Clock, Logger, Random } from '@zhumq/base';
import { paths } from '@zhumq/metadata';
import type { MetadataStore, Session } from '@zhumq/metadata';
import { brokerRegistrationCodec, isError, zhumqError } from '@zhumq/model';
import type { BrokerRegistration } from '@zhumq/model';

export interface RegistrationOptions {
  readonly store: MetadataStore;
  readonly registration: BrokerRegistration;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The node is there, in a new session: what the zkserver decided meanwhile must be asked for. */
  readonly onRegistered: () => void;
  /** Another broker uses this id. */
  readonly onConflict: (error: Error) => void;
}

export class Registration {
  private readonly stop = new AbortController();
  private readonly unsubscribe: () => void;
  private registeredSession = 0;
  private running = false;

  constructor(private readonly options: RegistrationOptions) {
    this.unsubscribe = options.store.onSession((session) => this.onSession(session));
    this.onSession(options.store.session);
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

  private onSession(session: Session): void {
    if (session.state !== 'connected' || session.number === this.registeredSession || this.running)
      return;
    this.running = true;
    this.register().then(
      () => (this.running = false),
      (error: unknown) => {
        this.running = false;
        if (!this.stop.signal.aborted) this.options.onConflict(error as Error);
      },
    );
  }

  private async register(): Promise<void> {
    const { store, clock, random, logger } = this.options;
    const backoff = new Backoff({ minMs: 50, maxMs: 1000 }, random);
    while (!this.stop.signal.aborted) {
      const session = store.session;
      try {
        if (session.state === 'connected' && (await this.tryRegister(session))) {
          this.registeredSession = session.number;
          this.options.onRegistered();
          if (store.session.number === session.number) return;
          continue;
        }
      } catch (error) {
        if (isError(error, 'INVALID_OPTION')) throw error;
        logger.warn(
          { reason: error instanceof Error ? error.message : String(error) },
          'registration in the metadata store failed; it will be tried again',
        );
      }
      await delay(clock, backoff.nextMs(), this.stop.signal);
    }
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
    if (other.directoryId !== registration.directoryId) {
      throw zhumqError(
        'INVALID_OPTION',
        `broker id ${registration.id} is used by another broker at ${other.host}:${other.port}; give each broker an id of its own`,
        { broker: registration.id },
      );
    }
    // The node of our own earlier life: its process is dead, or this one could not have locked the data directory.
    logger.info(
      { incarnation: other.incarnation },
      'taking away the registration of an earlier life',
    );
    await store.delete(path, node.version);
    return false;
  }
}
