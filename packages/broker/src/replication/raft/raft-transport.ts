// Carries Raft messages between brokers: one outgoing connection per peer for all groups, everything of one turn of the
// event loop in one envelope (heartbeats of a thousand groups are one frame). Messages may be lost; Raft repeats them.
//
// Messages travel one way, so nothing ever comes back over such a connection and packets that are dropped on the way stay
// unnoticed until the kernel gives up, which takes minutes. So every connected peer is asked something small all the
// time; the channel drops a connection over which answers fail to come, and the next message makes a new one.
import type { Clock, Logger, Timer } from '@zhumq/base';
import { isError } from '@zhumq/model';
import type { Message } from '@zhumq/raft';
import { raftClient } from '@zhumq/rpc';
import type {
  Outgoing,
  RaftClient,
  RaftMessage,
  RpcChannel,
  SleepBeat as WireBeat,
} from '@zhumq/rpc';
import { toWire } from './raft-messages.js';
import type { GroupAddress } from './raft-messages.js';
import type { SleepBeat } from './hibernation.js';
import type { GroupTransport } from './raft-replicator.js';

export interface PeerAddress {
  readonly brokerId: number;
  readonly host: string;
  readonly port: number;
}

export interface RaftTransportOptions {
  readonly brokerId: number;
  readonly incarnation: number;
  readonly clusterId: () => string;
  /** Bytes that may wait for one peer; beyond it messages are refused. */
  readonly maxBufferedBytes: number;
  /** Bytes of batches per envelope; one append may be larger. */
  readonly maxEnvelopeBytes: number;
  readonly connect: (address: PeerAddress) => RpcChannel;
  /** Makes sure that `flush` is called at the end of this turn. */
  readonly schedule: () => void;
  /** Between questions to a peer; several fit into the silence after which its channel drops the connection. */
  readonly probeMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Peer {
  readonly address: PeerAddress;
  readonly channel: RpcChannel;
  readonly client: RaftClient;
  queue: Outgoing<RaftMessage>[];
  queuedBytes: number;
  /** A probe waits for its answer. */
  probed: boolean;
}

export class RaftTransport implements GroupTransport {
  private readonly peers = new Map<number, Peer>();
  private brokerOfReplica: ReadonlyMap<string, number> = new Map();

  private readonly probing: Timer;

  constructor(private readonly options: RaftTransportOptions) {
    this.probing = options.clock.every(options.probeMs, () => {
      for (const peer of this.peers.values()) this.probe(peer);
    });
  }

  /** Tells where all brokers are; a changed address closes the old connection, as does being none of them any more. */
  setPeers(addresses: readonly PeerAddress[]): void {
    const named = new Set(addresses.map(({ brokerId }) => brokerId));
    for (const [brokerId, { channel }] of this.peers) {
      if (named.has(brokerId)) continue;
      channel.close();
      this.peers.delete(brokerId);
    }
    for (const address of addresses) {
      const known = this.peers.get(address.brokerId);
      if (address.brokerId === this.options.brokerId) continue;
      if (known?.address.host === address.host && known.address.port === address.port) continue;
      known?.channel.close();
      const channel = this.options.connect(address);
      this.peers.set(address.brokerId, {
        address,
        channel,
        client: raftClient(channel),
        queue: [],
        queuedBytes: 0,
        probed: false,
      });
    }
  }

  /** Tells which broker holds each replica, of all that are named. */
  setReplicas(brokerOfReplica: ReadonlyMap<string, number>): void {
    this.brokerOfReplica = brokerOfReplica;
  }

  brokerOf(replicaId: string): number | undefined {
    return this.brokerOfReplica.get(replicaId);
  }

  /** Where another broker is; undefined when no state has named it. */
  addressOf(brokerId: number): PeerAddress | undefined {
    return this.peers.get(brokerId)?.address;
  }

  /** For calls that want an answer (snapshots). */
  clientOf(replicaId: string): RaftClient | undefined {
    return this.peerOf(replicaId)?.client;
  }

  send(group: GroupAddress, message: Message, buffers?: readonly Buffer[]): boolean {
    const peer = this.peerOf(message.to);
    if (peer === undefined) return false;
    let bytes = MESSAGE_BYTES;
    if (buffers !== undefined) for (const buffer of buffers) bytes += buffer.length;
    if (peer.channel.bufferedBytes + peer.queuedBytes + bytes > this.options.maxBufferedBytes)
      return false;
    const isFull = peer.queuedBytes + bytes > this.options.maxEnvelopeBytes;
    if (peer.queue.length >= MAX_MESSAGES || (isFull && peer.queuedBytes > 0)) this.flushPeer(peer);
    peer.queue.push(toWire(group, message, buffers));
    peer.queuedBytes += bytes;
    this.options.schedule();
    return true;
  }

  /** Hands what has gathered to the sockets. */
  flush(): void {
    for (const peer of this.peers.values()) this.flushPeer(peer);
  }

  /** Leaves at once, behind all that was sent before. */
  sendBeat(brokerId: number, { led, wake }: SleepBeat): void {
    const peer = this.peers.get(brokerId);
    if (peer !== undefined) this.flushPeer(peer, { ...led, wake });
  }

  close(): void {
    this.probing.cancel();
    for (const peer of this.peers.values()) peer.channel.close();
    this.peers.clear();
  }

  private flushPeer(peer: Peer, beat?: Outgoing<WireBeat>): void {
    if (peer.queue.length === 0 && beat === undefined) return;
    const messages = peer.queue;
    peer.queue = [];
    peer.queuedBytes = 0;
    const { brokerId, incarnation, clusterId } = this.options;
    const toBroker = peer.address.brokerId;
    try {
      const envelope = { clusterId: clusterId(), fromBroker: brokerId, incarnation, toBroker };
      peer.client.deliver({ ...envelope, messages, beat });
    } catch (error) {
      // What one peer can not be sent must not keep the others from getting theirs.
      this.options.logger.error({ err: error, toBroker }, 'raft messages could not be sent');
    }
  }

  private probe(peer: Peer): void {
    if (peer.probed || !peer.channel.connected) return;
    peer.probed = true;
    peer.client
      .ping()
      .catch((error: unknown) => {
        if (!isError(error, 'CONNECTION_LOST')) return;
        const { brokerId, host, port } = peer.address;
        const about = { toBroker: brokerId, host, port, reason: error.message };
        this.options.logger.warn(about, 'connection to a broker lost; it is made again');
      })
      .finally(() => (peer.probed = false));
  }

  private peerOf(replicaId: string): Peer | undefined {
    const brokerId = this.brokerOfReplica.get(replicaId);
    return brokerId === undefined ? undefined : this.peers.get(brokerId);
  }
}

/** About what a message without batches takes on the wire. */
const MESSAGE_BYTES = 256;
/** In one envelope: a message has up to 20 fields, and servers bound the fields of a request (rpc/limits.ts). */
const MAX_MESSAGES = 5_000;
