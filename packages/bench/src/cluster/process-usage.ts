// What processes of this machine cost: processor time and memory, from the kernel's own books (Linux; elsewhere unknown).
import { readFileSync, readdirSync } from 'node:fs';

export interface ProcessUsage {
  /** Seconds in user and kernel mode since the process began. */
  readonly cpuSeconds: number;
  /** Largest resident set so far, in bytes. */
  readonly peakRssBytes: number;
  readonly rssBytes: number;
}

/** Of one clock tick in /proc; fixed in the kernel's interface to programs. */
const TICK_SECONDS = 0.01;

/** Undefined where the machine does not tell, or when the process has ended. */
export function usageOf(pid: number): ProcessUsage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold blanks; user and kernel time are the 12th and 13th fields after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS,
      peakRssBytes: kibibytes(status, 'VmHWM'),
      rssBytes: kibibytes(status, 'VmRSS'),
    };
  } catch {
    return undefined;
  }
}

function kibibytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
}

/** Files, sockets and the like that a process holds open; undefined where the machine does not tell. */
export function openFiles(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}

export interface NamedProcess {
  readonly name: string;
  readonly pid: number;
}

/** By name of the process: seconds of processor time between two moments. */
export class UsageMeter {
  private readonly before: ReadonlyMap<string, number>;
  private readonly diskBefore: number;
  private readonly beganMs = performance.now();
  private readonly machineBefore = busySeconds();
  private readonly ownBefore = ownCpuSeconds();

  constructor(private readonly processes: readonly NamedProcess[]) {
    this.before = new Map(
      processes.map(({ name, pid }) => [name, usageOf(pid)?.cpuSeconds ?? NaN]),
    );
    this.diskBefore = this.brokers().reduce((sum, { pid }) => sum + diskBytesRead(pid), 0);
  }

  /** Since this meter was made; without those that can not be told. */
  cpuSeconds(): Record<string, number> {
    const seconds: Record<string, number> = {};
    for (const { name, pid } of this.processes) {
      const spent = (usageOf(pid)?.cpuSeconds ?? NaN) - (this.before.get(name) ?? NaN);
      if (!Number.isNaN(spent)) seconds[name] = spent;
    }
    return seconds;
  }

  /** Cores that everything else on the machine kept busy since this meter was made; undefined where it does not tell. */
  otherCores(): number | undefined {
    const machine = busySeconds();
    if (machine === undefined || this.machineBefore === undefined) return undefined;
    const counted = Object.values(this.cpuSeconds()).reduce((sum, one) => sum + one, 0);
    const ours = counted + ownCpuSeconds() - this.ownBefore;
    const seconds = (performance.now() - this.beganMs) / 1e3;
    return Math.max(0, machine - this.machineBefore - ours) / seconds;
  }

  /** Bytes that the brokers have read from the disk since this meter was made. */
  diskBytesRead(): number {
    return this.brokers().reduce((sum, { pid }) => sum + diskBytesRead(pid), 0) - this.diskBefore;
  }

  /** Bytes, since each process began. */
  peakRss(): Record<string, number> {
    const bytes: Record<string, number> = {};
    for (const { name, pid } of this.processes) {
      const usage = usageOf(pid);
      if (usage !== undefined) bytes[name] = usage.peakRssBytes;
    }
    return bytes;
  }

  private brokers(): NamedProcess[] {
    return this.processes.filter(({ name }) => name.startsWith('broker-'));
  }
}

/** All processors together: in user and kernel mode, and serving interrupts. */
function busySeconds(): number | undefined {
  try {
    const [line] = readFileSync('/proc/stat', 'latin1').split('\n');
    const [user, nice, system, , , interrupts, softInterrupts] = line
      .split(/\s+/)
      .slice(1)
      .map(Number);
    return (user + nice + system + interrupts + softInterrupts) * TICK_SECONDS;
  } catch {
    return undefined;
  }
}

function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function diskBytesRead(pid: number): number {
  try {
    const io = readFileSync(`/proc/${pid}/io`, 'latin1');
    return Number(/^read_bytes: (\d+)/m.exec(io)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
