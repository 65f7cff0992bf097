// Calls to one server without the client library: what a program of another make, or an attacker, can say.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { SystemClock, systemRandom } from '@zhumq/base';
import { errorKindOf } from '@zhumq/model';
import { brokerClient, connectChannel } from '@zhumq/rpc';
import type { BrokerClient, PartitionProduceResult, RpcChannel } from '@zhumq/rpc';

const HOST = '127.0.0.1';

export interface DirectBroker {
  readonly client: BrokerClient;
  readonly channel: RpcChannel;
}

export function directBroker(port: number): DirectBroker {
  const channel = connectChannel({
    host: HOST,
    port,
    clock: new SystemClock(),
    random: systemRandom(),
  });
  return { client: brokerClient(channel), channel };
}

/** Name of the error that a batch was refused with; undefined when it was acknowledged. */
export function refusalOf({ failure }: PartitionProduceResult): string | undefined {
  return failure === undefined ? undefined : errorKindOf(failure.code).name;
}

/** One batch to one partition. */
export async function produceOne(
  client: BrokerClient,
  topic: string,
  batch: Buffer,
  { partition = 0, acks = -1, timeoutMs = 10_000 } = {},
): Promise<PartitionProduceResult> {
  const partitions = [{ topic, partition, batch }];
  const response = await client.produce(
    { acks, timeoutMs, partitions },
    { timeoutMs: timeoutMs + 30_000 },
  );
  return response.partitions[0];
}

/** A bare connection; `closed` resolves when the other side, or an error, has ended it. */
export class RawConnection {
  readonly closed: Promise<void>;
  isClosed = false;
  received = Buffer.alloc(0);

  private constructor(readonly socket: Socket) {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => (this.received = Buffer.concat([this.received, bytes])));
    this.closed = new Promise((resolve) =>
      socket.once('close', () => {
        this.isClosed = true;
        resolve();
      }),
    );
  }

  static open(port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: HOST, port });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawConnection(socket));
      });
    });
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** A framed call without arguments, strict binary protocol. */
export function callFrame(method: string, sequenceId = 1): Buffer {
  const name = Buffer.from(method);
  const message = Buffer.alloc(4 + 4 + name.length + 4 + 1);
  message.writeUInt32BE(0x8001_0001, 0);
  message.writeInt32BE(name.length, 4);
  name.copy(message, 8);
  message.writeInt32BE(sequenceId, 8 + name.length);
  return framed(message);
}

export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(message.length);
  return Buffer.concat([length, message]);
}
