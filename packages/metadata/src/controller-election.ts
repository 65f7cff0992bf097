// Which zkserver is the active one (rule 33). /controller (ephemeral: who) and /controller_epoch (persistent: its version
// is the epoch) change in one multi. A multi without an answer is resolved by reading back: a /controller of our own
// session with our own bytes means that it was won. Losing the session deposes before the store can give the role away.
//
//   idle -> candidate -> leader -> candidate (deposed) -> ... ; stop() from anywhere
//   campaign() is level-triggered: it looks at the nodes and does what is missing. It runs on start, on every new
//   session, when /controller changes, and again after a pause when the store did not answer.
import type { Backoff, Clock, Timer } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import { createIfMissing } from './create-parents.js';
import { Leadership } from './leadership.js';
import type { DeposedReason } from './leadership.js';
import type { MetadataStore, Session, StoreNode } from './metadata-store.js';
import { childOf, paths } from './paths.js';

export interface ControllerElectionOptions {
  readonly store: MetadataStore;
  readonly clock: Clock;
  /** Pauses after the store did not answer. */
  readonly backoff: Backoff;
  /** Bytes of our node under /zkservers. */
  readonly candidate: Uint8Array;
  /** Bytes of /controller for us at that epoch; they must name us and the epoch, and be the same each time. */
  readonly encodeController: (epoch: number) => Uint8Array;
  /** Bytes of /controller_epoch; for people, the epoch itself is the node's version. */
  readonly encodeEpoch: (epoch: number) => Uint8Array;
  readonly onElected: (leadership: Leadership) => void;
  /** Called before anybody else can be elected (with `session-lost`: before the servers expire the session). */
  readonly onDeposed: (leadership: Leadership, reason: DeposedReason) => void;
  /** Whoever is active now, as found in /controller (also ourselves); undefined while nobody is. */
  readonly onController?: (controller: Buffer | undefined) => void;
  /** A failure that is no lack of an answer (a bug, or an access list); the campaign goes on after a pause. */
  readonly onFailure: (error: unknown) => void;
}

export class ControllerElection {
  private readonly store: MetadataStore;
  private leadership: Leadership | undefined;
  private candidatePath: string | undefined;
  /** The session in which our candidate's node was made. */
  private candidateSession = 0;
  private running: Promise<void> | undefined;
  private wantsAnother = false;
  private retry: Timer | undefined;
  private forgetSession: (() => void) | undefined;
  private stopped = false;
  private readonly watch = (): void => this.campaign();

  constructor(private readonly options: ControllerElectionOptions) {
    this.store = options.store;
  }

  /** The present leadership of ours, if any. */
  get current(): Leadership | undefined {
    return this.leadership?.isActive === true ? this.leadership : undefined;
  }

  start(): void {
    this.forgetSession = this.store.onSession((session) => this.handleSession(session));
    this.campaign();
  }

  /** Gives up the role and the candidacy; best effort: with the session they go anyway. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.forgetSession?.();
    this.retry?.cancel();
    this.leadership?.end('resigned');
    await this.running;
    try {
      await this.removeOwnNodes();
    } catch {
      // Unreachable: the nodes end with the session.
    }
  }

  private handleSession(session: Session): void {
    if (session.state === 'lost') this.leadership?.end('session-lost');
    if (session.state === 'connected') this.campaign();
  }

  /** One at a time; what comes meanwhile makes one more. */
  private campaign(): void {
    if (this.stopped) return;
    this.wantsAnother = true;
    this.running ??= this.runCampaigns();
  }

  private async runCampaigns(): Promise<void> {
    while (this.wantsAnother && !this.stopped) {
      this.wantsAnother = false;
      try {
        await this.runCampaign();
        this.options.backoff.reset();
      } catch (error) {
        if (isError(error, 'CLOSED')) {
          this.leadership?.end('resigned');
          break;
        }
        if (!isError(error, 'STORE_UNAVAILABLE')) this.options.onFailure(error);
        this.retry?.cancel();
        const pauseMs = this.options.backoff.nextMs();
        this.retry = this.options.clock.after(pauseMs, () => this.campaign());
      }
    }
    this.running = undefined; // in the same breath as the last look at wantsAnother
  }

  private async runCampaign(): Promise<void> {
    await this.register();
    // Fresh: after a restart or an unanswered multi we must see our own node, not a follower's yesterday.
    const controller = await this.store.get(paths.controller, { watch: this.watch, fresh: true });
    if (this.stopped) return;
    if (controller === undefined) {
      this.leadership?.end('replaced');
      this.options.onController?.(undefined);
      await this.compete();
      this.wantsAnother = true; // to see and watch who has it now
      return;
    }
    const epoch = await this.epochOfOwn(controller);
    if (epoch !== undefined) this.maybeElected(epoch);
    else await this.handleOther(controller);
    this.options.onController?.(controller.data);
  }

  private async handleOther(controller: StoreNode): Promise<void> {
    const { leadership } = this;
    leadership?.end('replaced');
    if (leadership === undefined || controller.owner !== this.store.session.token) return;
    // Our own node, fenced by a larger epoch that nobody has taken the role with: it would block everybody.
    const isLeftover = controller.data.equals(this.options.encodeController(leadership.epoch));
    if (isLeftover) await this.store.delete(paths.controller, controller.version);
  }

  /** Whatever comes of it, the next look at /controller tells; also when there is no answer. */
  private async compete(): Promise<void> {
    await createIfMissing(this.store, paths.controllerEpoch, this.options.encodeEpoch(0));
    const version = (await this.store.exists(paths.controllerEpoch, { fresh: true }))?.version;
    if (version === undefined || this.stopped) return;
    const epoch = version + 1;
    const { encodeController, encodeEpoch } = this.options;
    await this.store.multi([
      {
        kind: 'create',
        path: paths.controller,
        data: encodeController(epoch),
        ephemeral: true,
      },
      { kind: 'set', path: paths.controllerEpoch, data: encodeEpoch(epoch), version },
    ]);
  }

  /** The epoch at which /controller is ours, of this session and by this object. */
  private async epochOfOwn(controller: StoreNode): Promise<number | undefined> {
    const { token, number } = this.store.session;
    if (controller.owner !== token) return undefined;
    const epoch = (await this.store.exists(paths.controllerEpoch, { fresh: true }))?.version;
    if (epoch === undefined || this.store.session.number !== number) return undefined;
    const own = controller.data.equals(this.options.encodeController(epoch));
    return own ? epoch : undefined;
  }

  private maybeElected(epoch: number): void {
    const { number, state } = this.store.session;
    const isSame = this.current?.epoch === epoch;
    if (isSame || this.stopped || state === 'lost') return;
    this.leadership?.end('replaced');
    const leadership = new Leadership(this.store, epoch, number, (reason) => {
      this.options.onDeposed(leadership, reason);
      this.campaign();
    });
    this.leadership = leadership;
    this.options.onElected(leadership);
  }

  /** Our ephemeral sequential node in this session; an unanswered create is looked for before another is made. */
  private async register(): Promise<void> {
    if (this.candidateSession > 0 && this.store.session.number === this.candidateSession) return;
    await createIfMissing(this.store, paths.candidates); // also waits for the session
    const { number, token } = this.store.session;
    const path = (await this.ownCandidate(token)) ?? (await this.createCandidate());
    if (this.store.session.number !== number) return; // and of the new session its event tells
    this.candidatePath = path;
    this.candidateSession = number;
  }

  private async createCandidate(): Promise<string> {
    const options = { ephemeral: true, sequential: true };
    const outcome = await this.store.create(paths.candidatePrefix, this.options.candidate, options);
    if (outcome.ok) return outcome.path;
    const message = `The candidate can not be registered: ${outcome.reason}`;
    throw zhumqError('STORE_UNAVAILABLE', message, { reason: outcome.reason });
  }

  private async ownCandidate(token: string): Promise<string | undefined> {
    const names = (await this.store.children(paths.candidates, { fresh: true })) ?? [];
    for (const name of names) {
      const path = childOf(paths.candidates, name);
      const node = await this.store.get(path);
      const isOurs = node?.owner === token && node.data.equals(this.options.candidate);
      if (isOurs) return path;
    }
    return undefined;
  }

  /** By the epoch, so that a successor's /controller (which has the same version, 0) is not taken for ours. */
  private async removeOwnNodes(): Promise<void> {
    if (this.store.session.state !== 'connected') return;
    const controller = await this.store.get(paths.controller, { fresh: true });
    const epoch = controller && (await this.epochOfOwn(controller));
    if (epoch !== undefined) {
      await this.store.multi([
        { kind: 'check', path: paths.controllerEpoch, version: epoch },
        { kind: 'delete', path: paths.controller, version: controller?.version ?? 0 },
      ]);
    }
    if (this.candidatePath !== undefined) await this.store.delete(this.candidatePath, 0);
  }
}
