// One run: servers, good citizens, attackers until enough frames were sent; then rest, suspects one by one, everything
// read back, and the verdict.
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '@zhumq/base';
import { Journal, attack, noCounts } from './attack.js';
import type { AttackCounts } from './attack.js';
import type { FramesCommand } from './command.js';
import { readContracts } from './contract.js';
import type { MethodSchema } from './contract.js';
import { FrameMaker } from './frame-maker.js';
import { GoodCitizens } from './good-citizens.js';
import type { CitizensVerdict } from './good-citizens.js';
import { attackHttp } from './http-attack.js';
import { CONTRACTS, HOST, LiveCluster } from './live-cluster.js';
import type { LiveServer, TargetKind } from './live-server.js';
import { writeReplay } from './replay.js';
import { attackClient } from './rogue-campaign.js';
import type { RogueReport } from './rogue-campaign.js';
import { ServerHealth } from './server-health.js';
import type { HealthReport } from './server-health.js';
import { Suspects, confirm, shrink } from './suspects.js';
import { CHECKED_TOPICS } from './vocabulary.js';
import type { Vocabulary } from './vocabulary.js';

export interface ClientReport {
  readonly seed: number;
  readonly frames: number;
  readonly violations: readonly string[];
  readonly wallSeconds: number;
  readonly client: HealthReport;
}

export interface CampaignReport {
  readonly seed: number;
  readonly frames: number;
  readonly violations: readonly string[];
  readonly wallSeconds: number;
  readonly framesPerSecond: number;
  readonly attack: AttackCounts;
  readonly httpRequests: number;
  readonly servers: readonly HealthReport[];
  /** Pauses of event loops under load, by server: how many, and the worst in milliseconds of its own work. */
  readonly stalls: Readonly<Record<string, string>>;
  /** Of these, what was sent again at rest. */
  readonly suspectsTried: number;
  readonly citizens: CitizensVerdict;
  readonly epochs: string;
  /** What rogue servers said to the client library. */
  readonly client?: HealthReport & { readonly frames: number };
}

/** What each kind of server serves. */
const SERVED: Readonly<Record<TargetKind, readonly string[]>> = {
  broker: [
    ...['BrokerService', 'RaftService', 'FetchService', 'GroupService', 'DeliveryService'],
    'RecordService',
  ],
  zkserver: ['ZkServerService'],
  store: ['StoreService'],
  client: [],
};
const CONNECTIONS = 24;
const SAMPLE_MS = 100;
const TEND_MS = 3_000;

/** `tell`: for people, as it goes on. */
export async function runCampaign(
  command: FramesCommand,
  tell: (line: string) => void,
): Promise<CampaignReport> {
  const withStore = command.target === 'all' || command.target === 'store';
  const { brokers, zkservers, brokerPreloads } = command;
  const cluster = await LiveCluster.start({ brokers, zkservers, withStore, brokerPreloads });
  let kept = command.keep;
  // A share of the frames goes to the client library.
  const rogue =
    command.target === 'all'
      ? attackClient(command.seed, Math.ceil(command.count / 20))
      : undefined;
  try {
    const report = withClient(await new Campaign(command, cluster, tell).run(), await rogue);
    kept ||= report.violations.length > 0;
    return report;
  } catch (error) {
    // What can not be finished is worth a look at what it leaves behind.
    kept = true;
    throw error;
  } finally {
    if (kept) tell(`kept: ${cluster.directory}`);
    await cluster.destroy(kept);
  }
}

/** Only the client library. */
export async function runRogueCampaign({ seed, count }: FramesCommand): Promise<ClientReport> {
  const startedMs = performance.now();
  const { frames, health } = await attackClient(seed, count);
  const wallSeconds = Math.round((performance.now() - startedMs) / 1000);
  return { seed, frames, violations: health.violations, wallSeconds, client: health };
}

function withClient(report: CampaignReport, rogue: RogueReport | undefined): CampaignReport {
  if (rogue === undefined) return report;
  const { frames, health } = rogue;
  return {
    ...report,
    frames: report.frames + frames,
    violations: [...report.violations, ...health.violations],
    client: { frames, ...health },
  };
}

class Campaign {
  private readonly counts = noCounts();
  private readonly suspects = new Map<LiveServer, Suspects>();
  private readonly contracts = readContracts(CONTRACTS);
  private readonly violations: string[] = [];
  private httpRequests = 0;
  private suspectsTried = 0;

  constructor(
    private readonly command: FramesCommand,
    private readonly cluster: LiveCluster,
    private readonly tell: (line: string) => void,
  ) {}

  async run(): Promise<CampaignReport> {
    const { cluster, command, counts } = this;
    const startedMs = performance.now();
    const citizens = new GoodCitizens(await cluster.client());
    await citizens.start();
    const words = await cluster.vocabulary();
    const epochsBefore = await this.epochs();
    const health = await Promise.all(
      cluster.servers.map((server) => ServerHealth.begin(server, CONNECTIONS)),
    );
    const attackedMs = performance.now();
    const sampling = setInterval(() => health.forEach((one) => one.sample()), SAMPLE_MS);
    const tending = this.tend(words);
    await this.attackAll(words);
    clearInterval(sampling);
    const seconds = (performance.now() - attackedMs) / 1000;
    this.tell(`${counts.frames} frames in ${seconds.toFixed(1)} s; the servers come to rest`);
    await tending;
    if (!(await citizens.progress())) this.violations.push('hang: good producers do not go on');
    const servers = await Promise.all(health.map((one) => one.end()));
    await this.tryStalls(words);
    const epochsAfter = await this.epochs();
    if (epochsAfter !== epochsBefore)
      this.violations.push(`epochs: ${epochsBefore} before, ${epochsAfter} after`);
    const judged = await citizens.finish();
    return {
      ...{ seed: command.seed, frames: counts.frames },
      violations: [
        ...this.violations,
        ...servers.flatMap(({ violations }) => violations),
        ...judged.anomalies.map((anomaly) => `records: ${anomaly}`),
      ],
      wallSeconds: Math.round((performance.now() - startedMs) / 1000),
      framesPerSecond: Math.round(counts.frames / seconds),
      ...{ attack: counts, httpRequests: this.httpRequests, servers },
      stalls: this.stalls(),
      ...{ suspectsTried: this.suspectsTried, citizens: judged, epochs: epochsAfter },
    };
  }

  private get goesOn(): boolean {
    return (
      this.counts.frames < this.command.count && this.cluster.servers.every(({ runs }) => runs)
    );
  }

  private async attackAll(words: Vocabulary): Promise<void> {
    const { command, counts, cluster } = this;
    const attackers: Promise<void>[] = [];
    const goesOn = (): boolean => this.goesOn;
    cluster.servers.forEach((server, index) => {
      const { kind } = server.options;
      if (command.target !== 'all' && command.target !== kind) return;
      const journal = new Journal();
      this.suspects.set(server, new Suspects(server, journal));
      const { served, strange } = this.methodsOf(kind);
      for (let number = 0; number < CONNECTIONS; number++) {
        const random = new SeededRandom(command.seed * 1_000_003 + index * 1_009 + number);
        const maker = new FrameMaker(random, served, strange, words);
        const { port } = server;
        attackers.push(attack({ host: HOST, port, maker, random, journal, counts, goesOn }));
      }
      if (server.httpPort === undefined) return;
      const random = new SeededRandom(command.seed * 7_919 + index);
      const http = attackHttp({ host: HOST, port: server.httpPort, random, goesOn });
      attackers.push(http.then((requests) => void (this.httpRequests += requests)));
    });
    await Promise.all(attackers);
  }

  private methodsOf(kind: TargetKind): { served: MethodSchema[]; strange: MethodSchema[] } {
    const isServed = ({ service }: MethodSchema): boolean => SERVED[kind].includes(service);
    return {
      served: this.contracts.filter(isServed),
      strange: this.contracts.filter((method) => !isServed(method)),
    };
  }

  /** Makes topics anew that frames deleted, and learns the identities of the new ones. */
  private async tend(words: Vocabulary): Promise<void> {
    let next = performance.now() + TEND_MS;
    while (this.goesOn) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (performance.now() < next) continue;
      try {
        await this.cluster.ensureTopics();
        Object.assign(words, await this.cluster.vocabulary());
      } catch (error) {
        this.tell(`topics are not looked after for the moment: ${String(error)}`);
      }
      next = performance.now() + TEND_MS;
    }
  }

  private stalls(): Record<string, string> {
    const all = [...this.suspects].map(([{ name }, { stalls, worstMs }]) => {
      return [name, `${stalls}, worst ${worstMs.toFixed(1)} ms`] as const;
    });
    return Object.fromEntries(all);
  }

  private async tryStalls(words: Vocabulary): Promise<void> {
    for (const [server, suspects] of this.suspects) {
      if (!server.runs) continue;
      for (const bytes of suspects.bytes()) {
        this.suspectsTried += 1;
        const stall = await confirm(server, bytes);
        if (stall === undefined) continue;
        const small = await shrink(server, stall);
        const file = join(
          tmpdir(),
          `zhumq-fuzz-${this.command.seed}-${server.name}-${Date.now()}.json`,
        );
        writeFileSync(file, writeReplay(server.options.kind, words, small.bytes));
        this.violations.push(
          `stall: ${server.name} stands still for ${small.ms.toFixed(1)} ms by ${small.bytes.length} bytes ` +
            `(${small.bytes.toString('hex', 0, 60)}…); again: npm run fuzz -- frames --replay ${file}`,
        );
      }
    }
  }

  /** Of the partitions whose records are compared: nobody may have taken them over. */
  private async epochs(): Promise<string> {
    const admin = (await this.cluster.client()).admin();
    const parts: string[] = [];
    for (const topic of CHECKED_TOPICS)
      for (const { partition, leader, epoch, generation } of await admin.describePartitions(topic))
        parts.push(`${topic}-${partition}: broker ${leader}, epoch ${epoch}.${generation}`);
    return parts.join('; ');
  }
}
