// Reads along what leaves this process through its sockets, at the moment in which it leaves: answers to producers and
// messages between replicas.
import { Socket } from 'node:net';
import type { PartitionProduceResult, RaftEnvelope } from '@zhumq/rpc';
import { BrokerService, RaftService } from '../../../packages/rpc/generated/services.js';
import type { Struct } from '../../../packages/rpc/generated/services.js';
import { MessageReader, ONEWAY, REPLY } from '../../../packages/rpc/src/wire/message-reader.js';

export interface WireTapOptions {
  onProduceReply(result: PartitionProduceResult): void;
  onRaftMessages(envelope: RaftEnvelope): void;
}

interface ProduceReply extends Struct {
  readonly success?: { readonly partitions: readonly PartitionProduceResult[] };
}

interface Delivery extends Struct {
  readonly envelope?: RaftEnvelope;
}

export class WireTap {
  private readonly begun = new WeakMap<Socket, Buffer>();
  private readonly spy: jest.SpyInstance;

  constructor(private readonly options: WireTapOptions) {
    const tap = (socket: Socket, bytes: unknown): void => this.onBytes(socket, bytes);
    const write = Socket.prototype.write as (this: Socket, ...values: unknown[]) => boolean;
    this.spy = jest.spyOn(Socket.prototype, 'write').mockImplementation(function (
      this: Socket,
      ...values: unknown[]
    ): boolean {
      tap(this, values[0]);
      return write.apply(this, values);
    } as never);
  }

  close(): void {
    this.spy.mockRestore();
  }

  private onBytes(socket: Socket, bytes: unknown): void {
    if (!(bytes instanceof Uint8Array)) return;
    let rest = Buffer.concat([this.begun.get(socket) ?? Buffer.alloc(0), bytes]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0);
      this.onFrame(rest.subarray(4, end));
      rest = rest.subarray(end);
    }
    this.begun.set(socket, Buffer.from(rest));
  }

  private onFrame(frame: Buffer): void {
    const reader = new MessageReader();
    reader.begin(Buffer.from(frame));
    if (reader.name === 'produce' && reader.kind === REPLY) {
      const reply: ProduceReply = new (methodOf(BrokerService, 'produce').Result)();
      reply.read(reader);
      for (const result of reply.success?.partitions ?? []) this.options.onProduceReply(result);
    }
    if (reader.name === 'deliver' && reader.kind === ONEWAY) {
      const delivery: Delivery = new (methodOf(RaftService, 'deliver').Arguments)();
      delivery.read(reader);
      if (delivery.envelope !== undefined) this.options.onRaftMessages(delivery.envelope);
    }
  }
}

function methodOf(service: typeof BrokerService, name: string) {
  const method = service.methods.find((one) => one.name === name);
  if (method === undefined) throw new Error(`no method ${name}`);
  return method;
}
