// Loaded into a process before its program (node --require): tells its parent, over the channel between them, whenever
// the event loop stood still, for how long, how much of that the process itself was at work, and which bytes had just
// come by which connection. On request it tells what memory it uses, and since when nothing stood still.
import { Socket } from 'node:net';

export interface Stall {
  readonly stall: {
    readonly ms: number;
    /** Of all threads of the process: small when others had the processor. */
    readonly cpuMs: number;
    /** Remote ports that had brought something, with the time that handling it took at once. */
    readonly ports: readonly {
      readonly port: number;
      readonly bytes: number;
      readonly ms: number;
    }[];
  };
}

export interface LoopReport {
  readonly report: number;
  readonly worstMs: number;
  readonly worstCpuMs: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
}

/** Asks for a report, numbered; what was the worst begins anew. */
export interface LoopQuestion {
  readonly ask: number;
}

const TICK_MS = 2;
const STALL_MS = 10;
const KEPT_PORTS = 200;

function watch(): void {
  let brought: { port: number; bytes: number; ms: number }[] = [];
  let worstMs = 0;
  let worstCpuMs = 0;
  let lastMs = performance.now();
  let lastCpu = cpuMs();

  const emit = Reflect.get(Socket.prototype, 'emit') as (...values: unknown[]) => boolean;
  Socket.prototype.emit = function (this: Socket, event: string | symbol, ...values: unknown[]) {
    if (event !== 'data') return emit.call(this, event, ...values);
    const port = this.remotePort ?? 0;
    const startedMs = performance.now();
    try {
      return emit.call(this, event, ...values);
    } finally {
      const bytes = (values[0] as Buffer).length;
      if (brought.length < KEPT_PORTS)
        brought.push({ port, bytes, ms: performance.now() - startedMs });
    }
  } as typeof Socket.prototype.emit;

  const tick = (): void => {
    const nowMs = performance.now();
    const nowCpu = cpuMs();
    // Too long by one tick at most.
    const ms = nowMs - lastMs;
    const spentMs = nowCpu - lastCpu;
    if (ms > worstMs) {
      worstMs = ms;
      worstCpuMs = spentMs;
    }
    if (ms > STALL_MS) tell({ stall: { ms, cpuMs: spentMs, ports: brought } } satisfies Stall);
    brought = [];
    lastMs = nowMs;
    lastCpu = nowCpu;
    setTimeout(tick, TICK_MS).unref();
  };
  setTimeout(tick, TICK_MS).unref();

  process.on('message', (question: LoopQuestion) => {
    if (typeof question.ask !== 'number') return;
    const { heapUsed, external } = process.memoryUsage();
    const memory = { heapBytes: heapUsed, externalBytes: external };
    tell({ report: question.ask, worstMs, worstCpuMs, ...memory } satisfies LoopReport);
    worstMs = worstCpuMs = 0;
  });
  process.channel?.unref();
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function tell(message: Stall | LoopReport): void {
  if (process.connected) process.send?.(message);
}

if (process.send !== undefined) watch();
