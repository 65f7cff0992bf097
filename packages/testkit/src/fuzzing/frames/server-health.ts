// What one process under attack may and may not do, by numbers: its memory, sockets and log before, during and after.
import type { LiveServer } from './live-server.js';

export interface HealthReport {
  readonly name: string;
  readonly pid: number;
  readonly baselineMiB: number;
  readonly peakMiB: number;
  readonly limitMiB: number;
  readonly socketsBefore: number;
  readonly socketsAfter: number;
  readonly logKiB: number;
  readonly served: number;
  readonly refusedConnections: number;
  readonly violations: readonly string[];
}

const MIB = 2 ** 20;
/** What frames may cost a server, whatever they are: garbage not collected yet, and what is under way. */
const GROWTH_BYTES = 256 * MIB;
/** A frame that was begun, requests in flight, answers not taken. */
const CONNECTION_BYTES = MIB;
const LOG_BYTES = 512 * 1024;
const LOG_BYTES_PER_SECOND = 24 * 1024;
/** A server's own clients connect to the others when they are first needed. */
const SPARE_SOCKETS = 16;
/** A client is in the middle of its work, whenever it is looked at. */
const SPARE_SOCKETS_OF_CLIENT = 100;
const SETTLE_MS = 45_000;
/** Lines that only a bug of ours writes. */
const BUGS =
  /for a reason nobody foresaw|was ended by a bug|[uU]nhandled|AssertionFailed|uncaught|"code":"INTERNAL"/;
const KEPT_LINES = 5;

export class ServerHealth {
  private readonly baselineBytes: number;
  private readonly socketsBefore: number;
  private readonly startedMs = performance.now();
  private readonly logBefore: number;
  private readonly pid: number;
  private peakBytes = 0;
  private before: ReadonlyMap<string, number> = new Map();

  private constructor(
    private readonly server: LiveServer,
    private readonly connections: number,
  ) {
    this.pid = server.pid;
    this.baselineBytes = server.residentBytes();
    this.socketsBefore = server.sockets();
    this.logBefore = server.logBytes();
  }

  /** `connections`: how many attackers may be connected at a time. */
  static async begin(server: LiveServer, connections: number): Promise<ServerHealth> {
    const health = new ServerHealth(server, connections);
    health.before = await server.metrics();
    await server.report();
    return health;
  }

  sample(): void {
    this.peakBytes = Math.max(this.peakBytes, this.server.residentBytes());
  }

  /** When all attackers have gone. */
  async end(): Promise<HealthReport> {
    const { server } = this;
    const violations: string[] = [];
    const limit = this.baselineBytes + GROWTH_BYTES + this.connections * CONNECTION_BYTES;
    if (!server.runs)
      violations.push(
        `crash: ${server.name} ended: ${server.end}; ${server.logText().slice(-1500)}`,
      );
    else if (server.pid !== this.pid) violations.push(`crash: ${server.name} is another process`);
    const answers = server.runs && (await server.report()) !== undefined;
    if (server.runs && !answers) violations.push(`hang: ${server.name} does not answer any more`);
    if (this.peakBytes > limit)
      violations.push(
        `memory: ${server.name} used ${mib(this.peakBytes)} MiB; limit ${mib(limit)}`,
      );
    const socketsAfter = server.runs ? await this.settledSockets() : 0;
    if (socketsAfter > this.mostSockets)
      violations.push(`sockets: ${server.name} has ${socketsAfter}; before ${this.socketsBefore}`);
    violations.push(...this.logViolations());
    const after = server.runs ? await server.metrics() : this.before;
    const grown = (part: RegExp): number => {
      let sum = 0;
      for (const [name, value] of after)
        if (part.test(name)) sum += value - (this.before.get(name) ?? 0);
      return sum;
    };
    return {
      ...{ name: server.name, pid: this.pid, violations },
      ...{
        baselineMiB: mib(this.baselineBytes),
        peakMiB: mib(this.peakBytes),
        limitMiB: mib(limit),
      },
      ...{ socketsBefore: this.socketsBefore, socketsAfter },
      logKiB: Math.round((server.logBytes() - this.logBefore) / 1024),
      served: grown(/^zhumq_(broker_requests_total|zkserver_request_seconds_count)$/),
      refusedConnections: grown(/_connections_refused_total$/),
    };
  }

  private get mostSockets(): number {
    const isClient = this.server.options.kind === 'client';
    return this.socketsBefore + (isClient ? SPARE_SOCKETS_OF_CLIENT : SPARE_SOCKETS);
  }

  private async settledSockets(): Promise<number> {
    const deadlineMs = performance.now() + SETTLE_MS;
    for (;;) {
      const sockets = this.server.sockets();
      if (sockets <= this.mostSockets || performance.now() > deadlineMs) return sockets;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  private logViolations(): string[] {
    const { server } = this;
    const violations: string[] = [];
    const seconds = (performance.now() - this.startedMs) / 1000;
    const bytes = server.logBytes() - this.logBefore;
    if (bytes > LOG_BYTES + seconds * LOG_BYTES_PER_SECOND)
      violations.push(`log: ${server.name} wrote ${bytes} bytes in ${Math.round(seconds)} s`);
    const kinds = new Map<string, string>();
    for (const line of server.logText().slice(this.logBefore).split('\n')) {
      if (BUGS.test(line)) kinds.set(line.replace(/\d+/g, '#').slice(20, 400), line);
    }
    for (const line of [...kinds.values()].slice(0, KEPT_LINES))
      violations.push(`unforeseen: ${server.name}: ${line.slice(0, 1200)}`);
    return violations;
  }
}

const mib = (bytes: number): number => Math.round(bytes / MIB);
