// The composition root of a zkserver. Two roles: as a standby it follows the metadata store and answers reads; elected, a
// Controller takes over for the time of that leadership.
//
//   start -> standby -> active -> standby (deposed: session lost, fenced, replaced) -> ... ; stop from anywhere
import { Backoff, SystemClock, delay, randomId, startOpsServer, systemRandom } from '@zhumq/base';
import type { Clock, HostPort, Logger, Metrics, OpsServer, Random } from '@zhumq/base';
import {
  ControllerElection,
  createIfMissing,
  createPersistentParents,
  paths,
} from '@zhumq/metadata';
import type { DeposedReason, Leadership, MetadataStore } from '@zhumq/metadata';
import {
  clusterIdentityCodec,
  controllerEpochCodec,
  isError,
  zkServerRegistrationCodec,
} from '@zhumq/model';
import type { ZkServerRegistration } from '@zhumq/model';
import { ChannelPool, createRpcServer, zkServerService } from '@zhumq/rpc';
import type { RpcServer, Transport } from '@zhumq/rpc';
import { zkServerHandler } from './api/zkserver-handler.js';
import { Controller } from './controller/controller.js';
import { LossReporter } from './controller/loss-reporter.js';
import { RegistrationGrace } from './controller/registration-grace.js';
import { liveness, readiness } from './health.js';
import type { HealthInput } from './health.js';
import type { ZkServerOptions } from './options.js';
import type { ClusterView } from './view/cluster-view.js';
import { ViewFollower } from './view/view-follower.js';
import { ZkServerMetrics } from './zkserver-metrics.js';

export interface ZkServerConfig {
  readonly id: number;
  /** Stays the caller's; its session timeout should be `session.timeout` of the options. */
  readonly store: MetadataStore;
  /** Port 0: the system picks one. */
  readonly listen: HostPort;
  /** What others are told; the listening address when undefined. */
  readonly advertise?: HostPort | undefined;
  /** Metrics and health; not served when undefined. */
  readonly http?: HostPort | undefined;
  readonly options: ZkServerOptions;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  readonly random?: Random;
  /** TCP when absent. */
  readonly transport?: Transport;
}

export interface ZkServerAddresses {
  readonly listening: HostPort;
  readonly advertised: HostPort;
  readonly http: HostPort | undefined;
}

/** How long requests that run may take to end when it stops. */
const CLOSE_GRACE_MS = 2000;

/** One zkserver. `start` once, `stop` once. */
export class ZkServer {
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly logger: Logger;
  private readonly metrics: ZkServerMetrics;
  private readonly channels: ChannelPool;
  private readonly follower: ViewFollower;
  private readonly losses: LossReporter;
  private readonly grace: RegistrationGrace;
  private readonly server: RpcServer;
  private readonly stopping = new AbortController();
  private election: ControllerElection | undefined;
  private ops: OpsServer | undefined;
  private controller: Controller | undefined;
  private view: ClusterView | undefined;
  private activeZkServer: ZkServerRegistration | undefined;
  private advertised: HostPort | undefined;

  constructor(private readonly config: ZkServerConfig) {
    const { store, options, id } = config;
    this.clock = config.clock ?? new SystemClock();
    this.random = config.random ?? systemRandom();
    this.logger = config.logger.child({ zkserver: id });
    const environment = { clock: this.clock, random: this.random, logger: this.logger };
    this.metrics = new ZkServerMetrics(config.metrics, {
      isActive: () => this.isActive,
      view: () => this.view,
      brokersBehind: () => this.controller?.brokersBehind.length ?? 0,
    });
    this.channels = new ChannelPool({ ...environment, ...config.transport });
    this.losses = new LossReporter(this.logger);
    this.grace = new RegistrationGrace({
      ...{ store, clock: this.clock, sessionTimeoutMs: options['session.timeout'] },
    });
    this.follower = new ViewFollower({
      ...environment,
      store,
      intervalMs: options['reconcile.interval'],
      onView: (view) => this.setView(view),
    });
    const api = {
      store,
      view: () => this.view,
      controller: () => this.controller,
      activeZkServer: () => this.activeZkServer,
      onIsrChange: (done: boolean) => this.metrics.isrChanged(done),
    };
    this.server = createRpcServer({
      services: [zkServerService(zkServerHandler(api))],
      logger: this.logger,
      clock: this.clock,
      metrics: this.metrics,
      ...config.transport,
    });
  }

  /** What others are told; throws before `start`. */
  get address(): HostPort {
    if (this.advertised === undefined) throw new Error('the zkserver has not started');
    return this.advertised;
  }

  /** Whether it is the active one at this moment. */
  get isActive(): boolean {
    return this.election?.current !== undefined;
  }

  /** Resolves when it answers; waits for the metadata store, and does not wait to be elected. */
  async start(): Promise<ZkServerAddresses> {
    await this.prepareStore();
    const listening = await this.server.listen(this.config.listen.port, this.config.listen.host);
    const advertised = this.config.advertise ?? listening;
    this.advertised = advertised;
    try {
      this.ops = await this.startOps();
    } catch (error) {
      await this.server.close(0);
      throw error;
    }
    this.follower.start();
    this.election = this.createElection(advertised);
    this.election.start();
    this.logger.info({ ...advertised }, 'zkserver is running');
    const http = this.ops && { host: this.ops.host, port: this.ops.port };
    return { listening, advertised, http };
  }

  /** Gives the role up first, so that another one has it before this one is gone. */
  async stop(): Promise<void> {
    this.stopping.abort(new Error('the zkserver is stopping'));
    await this.election?.stop();
    this.grace.stop();
    this.follower.stop();
    if (this.advertised !== undefined) await this.server.close(CLOSE_GRACE_MS);
    this.channels.close();
    await this.ops?.close();
    this.logger.info({}, 'zkserver has stopped');
  }

  /** The nodes that every cluster has. Whoever comes first makes them. */
  private async prepareStore(): Promise<void> {
    const { store } = this.config;
    const backoff = new Backoff({ minMs: 100, maxMs: 5000 }, this.random);
    for (;;) {
      try {
        await createPersistentParents(store);
        const identity = clusterIdentityCodec.encode({ clusterId: randomId() });
        return await createIfMissing(store, paths.clusterId, identity);
      } catch (error) {
        if (!isError(error, 'STORE_UNAVAILABLE')) throw error;
        this.logger.warn({ err: error }, 'the metadata store can not be reached; trying again');
      }
      await delay(this.clock, backoff.nextMs(), this.stopping.signal);
    }
  }

  private createElection(advertised: HostPort): ControllerElection {
    const self = { id: this.config.id, ...advertised, sessionToken: randomId() };
    const registration = (controllerEpoch: number): Buffer =>
      zkServerRegistrationCodec.encode({ ...self, controllerEpoch });
    return new ControllerElection({
      store: this.config.store,
      clock: this.clock,
      backoff: new Backoff({ minMs: 50, maxMs: 2000 }, this.random),
      candidate: registration(0),
      encodeController: registration,
      encodeEpoch: (epoch) => controllerEpochCodec.encode({ epoch }),
      onElected: (leadership) => this.becomeActive(leadership),
      onDeposed: (leadership, reason) => this.becomeStandby(leadership, reason),
      onController: (bytes) => {
        this.activeZkServer = bytes && zkServerRegistrationCodec.decode(bytes);
      },
      onFailure: (error) => this.logger.error({ err: error }, 'the election failed; trying again'),
    });
  }

  private becomeActive(leadership: Leadership): void {
    this.follower.stop();
    this.metrics.elected();
    this.logger.info({ epoch: leadership.epoch }, 'this zkserver is the active one');
    const { store, options } = this.config;
    this.controller = new Controller({
      ...{ leadership, store, options, channels: this.channels, metrics: this.metrics },
      ...{ clock: this.clock, random: this.random, logger: this.logger, grace: this.grace },
      onView: (view) => this.setView(view),
    });
    this.controller.start();
  }

  /** Nothing is sent or written under that leadership once it returns. */
  private becomeStandby(leadership: Leadership, reason: DeposedReason): void {
    this.controller?.stop();
    this.controller = undefined;
    this.activeZkServer = undefined;
    this.logger.info({ epoch: leadership.epoch, reason }, 'this zkserver is a standby again');
    if (!this.stopping.signal.aborted) this.follower.start();
  }

  private setView(view: ClusterView): void {
    this.view = view;
    this.grace.see(view);
    this.losses.report(view);
  }

  private startOps(): Promise<OpsServer> | undefined {
    const { http, metrics } = this.config;
    if (http === undefined) return undefined;
    return startOpsServer({
      ...http,
      metrics,
      live: () => liveness(this.healthInput()),
      ready: () => readiness(this.healthInput()),
      logger: this.logger,
    });
  }

  private healthInput(): HealthInput {
    return {
      session: this.config.store.session,
      view: this.view,
      active: this.activeZkServer,
      stopping: this.stopping.signal.aborted,
    };
  }
}
