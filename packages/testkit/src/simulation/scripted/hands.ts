// What a script does to cables, store and disks: cuts and heals, holds messages of a kind, loses writes or their answers,
// keeps syncs waiting.
import type { StoreOperation } from '@zhumq/metadata';
import type { ServerSlot } from '../simulated-cluster.js';
import type { StreamItem } from '../world/socket.js';
import type { Stage } from './stage.js';

/** A machine with something on it: a server, or a client by its name. */
export type Place = ServerSlot | string;

export interface MessageKind {
  /** Name of the method that is called, or answered. */
  readonly method?: string;
  readonly answer?: boolean;
  /** Type of a Raft message that is among those delivered (idl/raft.thrift). */
  readonly raft?: keyof typeof RAFT_TYPES;
}

const RAFT_TYPES = {
  ...{ preVote: 1, preVoteReply: 2, vote: 3, voteReply: 4, append: 5, appendReply: 6 },
  ...{ heartbeat: 7, heartbeatReply: 8, timeoutNow: 9, snapshot: 10, snapshotReply: 11 },
} as const;
const MESSAGE_REPLY = 2;

/** Messages of one kind that wait on the wire, with all that follows on their connections. */
export interface Hold {
  readonly caught: boolean;
  /** They arrive now. */
  release(): void;
  /** They never arrive: their connections break. */
  lose(): void;
}

/** Syncs of a machine that do not end. */
export interface HeldSyncs {
  /** How many wait. */
  readonly waiting: number;
  release(): void;
}

/** `breaking`: connections over which something waits break, and what waits is lost. */
export type Undo = (breaking?: boolean) => void;

export class Hands {
  private readonly holds = new Set<{
    matches: (from: string, to: string, item: StreamItem) => boolean;
  }>();
  private readonly undo = new Set<Undo>();

  constructor(private readonly stage: Stage) {
    stage.world.network.keeps = (from, to, item) => {
      for (const { matches } of this.holds) if (matches(from, to, item)) return true;
      return false;
    };
  }

  /** Nothing gets through between them, in both directions. Returns what heals it. */
  cut(one: Place, other: Place): Undo {
    return this.cutLinks([
      [nameOf(one), nameOf(other)],
      [nameOf(other), nameOf(one)],
    ]);
  }

  /** The second does not hear the first. */
  mute(from: Place, to: Place): Undo {
    return this.cutLinks([[nameOf(from), nameOf(to)]]);
  }

  /** From all other brokers, and from zkservers if so. The store is reached. */
  isolate(slot: ServerSlot, from: 'brokers' | 'servers' = 'brokers'): Undo {
    const { brokers, slots } = this.stage.cluster;
    const others = (from === 'brokers' ? brokers : slots).filter((one) => one !== slot);
    const heals = others.map((other) => this.cut(slot, other));
    return (breaking) => {
      for (const heal of heals) heal(breaking);
    };
  }

  cutStore(slot: ServerSlot): () => void {
    const { ensemble } = this.stage.world;
    const { name } = slot.machine;
    this.stage.world.logs.fault(name, 'store-cut');
    ensemble.cut(name);
    return this.once(() => ensemble.heal(name));
  }

  /** The store ends its session; while it is cut off, it can begin no other one. */
  expire({ machine }: ServerSlot): void {
    this.stage.world.logs.fault(machine.name, 'session-expiry');
    this.stage.world.ensemble.expire(machine.name);
  }

  /** From now on messages of that kind wait on the wire; `undefined`: from or to anybody. */
  hold(from: Place | undefined, to: Place | undefined, kind: MessageKind): Hold {
    const { network, logs } = this.stage.world;
    const caught = new Map<string, [string, string]>();
    const entry = {
      matches: (sender: string, receiver: string, item: StreamItem): boolean => {
        if (from !== undefined && nameOf(from) !== sender) return false;
        if (to !== undefined && nameOf(to) !== receiver) return false;
        if (item.kind !== 'data' || !isOfKind(item.bytes, kind)) return false;
        if (caught.size === 0)
          logs.fault('script', `holds ${JSON.stringify(kind)} ${sender}>${receiver}`);
        caught.set(`${sender}>${receiver}`, [sender, receiver]);
        return true;
      },
    };
    this.holds.add(entry);
    const end = this.once((breaking) => {
      this.holds.delete(entry);
      for (const [sender, receiver] of caught.values())
        network.heal(sender, receiver, breaking ? 1 : 0);
    });
    return {
      get caught() {
        return caught.size > 0;
      },
      release: () => end(false),
      lose: () => end(true),
    };
  }

  /** Counts messages of that kind as they arrive. */
  count(
    from: Place | undefined,
    to: Place | undefined,
    kind: MessageKind,
  ): { readonly seen: number } {
    let seen = 0;
    this.holds.add({
      matches: (sender, receiver, item) => {
        if (from !== undefined && nameOf(from) !== sender) return false;
        if (to !== undefined && nameOf(to) !== receiver) return false;
        if (item.kind === 'data' && isOfKind(item.bytes, kind)) seen++;
        return false;
      },
    });
    return {
      get seen() {
        return seen;
      },
    };
  }

  /** Connections between them break, and are made again. */
  reset(one: Place, other: Place): void {
    this.stage.world.logs.fault(nameOf(one), `reset to ${nameOf(other)}`);
    this.stage.world.network.resetBetween(nameOf(one), nameOf(other));
  }

  /** The next sync of a file of that machine whose path matches fails; what it was to write is dropped and called clean. */
  failNextSync({ machine }: ServerSlot, path: string): { readonly failed: boolean } {
    const { disk } = machine;
    if (disk === undefined) throw new Error('it has no disk');
    let failed = false;
    disk.fault = (operation) => {
      if (failed || operation.kind !== 'sync' || !operation.path.includes(path)) return undefined;
      failed = true;
      this.stage.world.logs.fault(machine.name, `sync of ${operation.path} fails`);
      return { kind: 'dropPages' };
    };
    return {
      get failed() {
        return failed;
      },
    };
  }

  /** A file of the partition's replica fails, and nothing else on that disk: its log says so. */
  failReplica(slot: ServerSlot): void {
    const { disk } = slot.machine;
    if (disk === undefined) throw new Error('it has no disk');
    disk.failures++;
    this.stage.as(slot, () => this.stage.replica(slot).log.listener?.onFailed(new Error('EIO')));
  }

  /** What becomes of the next write to the store by that machine that matches. Tells whether it was met. */
  nextWrite(
    by: ServerSlot | undefined,
    fate: 'lost' | 'unanswered',
    matches: (operations: readonly StoreOperation[]) => boolean,
  ): { readonly met: boolean } {
    const { ensemble, logs } = this.stage.world;
    let met = false;
    ensemble.fateOf = (host, operations) => {
      if (met || (by !== undefined && host !== by.machine.name) || !matches(operations)) return;
      met = true;
      logs.fault(host, `write to the store: ${fate}`);
      return fate;
    };
    return {
      get met() {
        return met;
      },
    };
  }

  /** Syncs of that machine's disk do not end until released; `ofPath`: of those files only. */
  holdSyncs(slot: ServerSlot, ofPath: (path: string) => boolean = () => true): HeldSyncs {
    const { disk, life } = slot.machine;
    if (disk === undefined || life === undefined) throw new Error('it has no disk, or is down');
    const usual = disk.device;
    const waiting: (() => void)[] = [];
    let path = '';
    disk.fault = (operation) => {
      path = operation.kind.startsWith('sync') ? operation.path : '';
      return undefined;
    };
    disk.device = () => {
      if (path === '' || !ofPath(path)) return usual();
      return new Promise((resolve) => waiting.push(resolve));
    };
    const release = this.once(() => {
      if (life.alive) {
        disk.device = usual;
        disk.fault = undefined;
      }
      this.stage.world.scheduler.turn(life, () => {
        for (const resolve of waiting.splice(0)) resolve();
      });
    });
    return {
      get waiting() {
        return waiting.length;
      },
      release,
    };
  }

  /** From now on its disk takes so long, until its broker starts again. */
  slowDisk({ machine }: ServerSlot, syncMs: number): void {
    const { disk, life } = machine;
    if (disk === undefined || life === undefined) throw new Error('it has no disk, or is down');
    const { scheduler } = this.stage.world;
    disk.device = () => new Promise((resolve) => scheduler.after(syncMs, life, resolve));
  }

  /** Undoes what is still in force. */
  letGo(breaking = false): void {
    for (const undo of [...this.undo]) undo(breaking);
    this.stage.world.ensemble.fateOf = undefined;
    for (const { machine } of this.stage.cluster.brokers)
      if (machine.disk !== undefined) machine.disk.fault = undefined;
  }

  private cutLinks(links: readonly (readonly [string, string])[]): Undo {
    const { network, logs } = this.stage.world;
    const target = links.map(([from, to]) => `${from}>${to}`).join(' ');
    logs.fault(target, 'cut');
    this.stage.history.record({ kind: 'fault', fault: 'cut', target, phase: 'begun' });
    for (const [from, to] of links) network.cut(from, to);
    return this.once((breaking) => {
      logs.fault(target, 'heals');
      for (const [from, to] of links) network.heal(from, to, breaking ? 1 : 0);
    });
  }

  private once(undo: (breaking: boolean) => void): Undo {
    const first: Undo = (breaking = false) => {
      if (this.undo.delete(first)) undo(breaking);
    };
    this.undo.add(first);
    return first;
  }
}

function nameOf(place: Place): string {
  return typeof place === 'string' ? place : place.machine.name;
}

/** Looks for the head of a frame, and for the field `type` of a Raft message; scripts send nothing that looks the same. */
function isOfKind(bytes: Buffer, { method, answer, raft }: MessageKind): boolean {
  if (raft !== undefined)
    return bytes.includes(Buffer.from([8, 0, 6, 0, 0, 0, RAFT_TYPES[raft], 10, 0, 7]));
  if (method === undefined) return true;
  const at = bytes.indexOf(method);
  if (at < 0) return false;
  return answer === undefined || answer === headsOf(bytes, method).includes(MESSAGE_REPLY);
}

/** Kinds of the frames that name a method: 1 a call, 2 its answer. */
function headsOf(bytes: Buffer, method: string): number[] {
  const kinds: number[] = [];
  for (let at = bytes.indexOf(method); at >= 8; at = bytes.indexOf(method, at + 1)) {
    if (bytes.readUInt16BE(at - 8) === 0x8001) kinds.push(bytes[at - 5]);
  }
  return kinds;
}
