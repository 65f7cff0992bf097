// A network that drops packets: no reset, no error, only silence. The proxy swallows what passes over the connections
// that it has and serves new ones, as a path does that was cut and healed while the kernel still waits to send again.
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { ManualClock, SystemClock, SeededRandom, silentLogger } from '@zhumq/base';
import type { Clock } from '@zhumq/base';
import { createRpcServer, raftService } from '@zhumq/rpc';
import type { RpcServer } from '@zhumq/rpc';
import type { LogStore } from '@zhumq/log';
import type { BrokerMetrics } from '../../metrics.js';
import { brokerOptions } from '../../options.js';
import { PartitionRegistry } from '../../partition/partition-registry.js';
import { raftHandler } from '../../api/raft-handler.js';
import { Hibernation } from './hibernation.js';
import { replicationParts } from '../replication-parts.js';
import { Throttle } from '../throttle.js';
import type { ReplicationParts } from '../replication-parts.js';

const HOST = '127.0.0.1';
const TICK_MS = 20;
/** Ten ticks are an election timeout; a peer is given up after four without a sign of life, but not before a second. */
const SILENCE_MS = 1000;

class Proxy {
  private readonly server: Server;
  private links: { ends: Socket[]; swallowed: boolean }[] = [];
  /** New connections are swallowed, too. */
  cut = false;

  constructor(private readonly targetPort: number) {
    this.server = createServer((near) => this.accept(near));
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, HOST, resolve));
    return (this.server.address() as AddressInfo).port;
  }

  swallow(): void {
    this.cut = true;
    for (const link of this.links) link.swallowed = true;
  }

  close(): void {
    this.server.close();
    for (const { ends } of this.links) for (const end of ends) end.destroy();
  }

  private accept(near: Socket): void {
    const far = connect({ host: HOST, port: this.targetPort });
    const link = { ends: [near, far], swallowed: this.cut };
    this.links.push(link);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.on('error', () => undefined);
      from.on('data', (chunk: Buffer) => {
        if (!link.swallowed) to.write(chunk);
      });
    }
  }
}

interface World {
  readonly delivered: number[];
  readonly pings: number[];
  readonly proxy: Proxy;
  readonly parts: ReplicationParts;
  readonly server: RpcServer;
}

let world: World;

async function start(clock: Clock): Promise<void> {
  const delivered: number[] = [];
  const registry = new PartitionRegistry();
  const noPeers = { brokerOf: () => undefined, sendBeat: () => undefined, patience: 1 };
  const hibernation = new Hibernation(noPeers);
  const serving = { brokerId: 2, clusterId: () => 'c', registry, hibernation, maxChunkBytes: 1 };
  const throttle = new Throttle(0, new SystemClock());
  const handler = raftHandler({ ...serving, throttle, logger: silentLogger });
  const deliver = (): void => void delivered.push(performance.now());
  const pings: number[] = [];
  const ping = (): void => void pings.push(performance.now());
  const server = createRpcServer({ services: [raftService({ ...handler, deliver, ping })] });
  const proxy = new Proxy((await server.listen(0, HOST)).port);
  const port = await proxy.listen();
  const parts = replicationParts({
    brokerId: 1,
    store: { incarnation: 1, clusterId: 'c' } as LogStore,
    options: { ...brokerOptions.resolve().values, 'raft.tick.ms': TICK_MS },
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
    metrics: {} as BrokerMetrics,
  });
  parts.transport.setPeers([{ brokerId: 2, host: HOST, port }]);
  parts.transport.setReplicas(new Map([['b', 2]]));
  world = { delivered, pings, proxy, parts, server };
}

afterEach(async () => {
  world.parts.transport.close();
  world.proxy.close();
  await world.server.close(0);
});

/** Sends a heartbeat each 2 ticks, as a leader does, until one arrives after `since`; how long that took. */
async function untilDelivered(limitMs: number): Promise<number> {
  const group = { topicId: '7'.repeat(32), partition: 0, generation: 1 };
  const { transport } = world.parts;
  const since = performance.now();
  const before = world.delivered.length;
  while (world.delivered.length === before) {
    if (performance.now() - since > limitMs) throw new Error(`nothing arrived in ${limitMs} ms`);
    transport.send(group, { type: 'timeoutNow', from: 'a', to: 'b', term: 1 });
    transport.flush();
    // The pace of a leader.
    await new Promise((resolve) => setTimeout(resolve, 2 * TICK_MS));
  }
  return performance.now() - since;
}

test('messages flow again soon after a cut without a reset', async () => {
  await start(new SystemClock());
  await untilDelivered(2000);
  world.proxy.swallow();
  world.proxy.cut = false;
  // The silence, a probe before it and a check after it, and what a busy machine adds.
  await untilDelivered(SILENCE_MS * 2.5);
});

test('messages flow again soon after a cut that outlasted several new connections', async () => {
  await start(new SystemClock());
  await untilDelivered(2000);
  world.proxy.swallow();
  await expect(untilDelivered(SILENCE_MS * 3)).rejects.toThrow('nothing arrived');
  world.proxy.cut = false;
  await untilDelivered(SILENCE_MS * 2.5);
});

test('a connection over which nothing needs to be said is left alone', async () => {
  const clock = new ManualClock();
  await start(clock);
  await untilDelivered(2000);
  for (let passedMs = 0; passedMs < SILENCE_MS * 10; passedMs += TICK_MS) {
    clock.advance(TICK_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const connections = world.server.connectionCount;
  await untilDelivered(2000);
  expect([connections, world.server.connectionCount]).toEqual([1, 1]);
  expect(world.pings.length).toBeGreaterThan(0);
});
