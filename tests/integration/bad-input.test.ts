// A live broker process meets everything that a socket can bring, a full disk and wrong data directories, while other
// producers and consumers work: a clear error each time, bounded memory, nothing lost, nobody else disturbed.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { BATCH_CRC_START, crc32c, encodeBatch } from '@zhumq/model';
import { ClusterProcesses } from './support/cluster-processes.js';
import {
  RawConnection,
  callFrame,
  directBroker,
  framed,
  produceOne,
  refusalOf,
} from './support/direct-rpc.js';
import type { DirectBroker } from './support/direct-rpc.js';
import { freePorts } from './support/free-ports.js';
import { report } from './support/report.js';
import { anomaliesOf } from './support/run-history.js';
import { ServerProcess } from './support/server-process.js';
import { until } from './support/until.js';
import { Workload } from './support/workload.js';

const TOPIC = 'orders';
const MIB = 2 ** 20;
/** What all attacks together may cost the broker. */
const MEMORY_GROWTH = 200 * MIB;
const DISK_BYTES = 96 * MIB;
const RESERVE_BYTES = 8 * MIB;

let cluster: ClusterProcesses;
let client: Client;
let workload: Workload;
let direct: DirectBroker;
let port: number;
let disk: string | undefined;

jest.setTimeout(180_000);

beforeAll(async () => {
  cluster = await ClusterProcesses.start({
    brokers: 1,
    zkservers: 1,
    zookeepers: 1,
    brokerFlags: [
      ...['--wal-file-bytes', '2MiB', '--wal-checkpoint-bytes', '4MiB'],
      ...['--disk-reserve-bytes', String(RESERVE_BYTES)],
    ],
    beforeBrokers: (directory) => (disk = smallDisk(join(directory, 'broker-1'))),
  });
  port = cluster.brokerPort(1);
  client = await connect(cluster.bootstrap);
  direct = directBroker(port);
  await client.admin().createTopic({ topic: TOPIC, partitions: 2 });
  workload = new Workload({ client, topic: TOPIC, partitions: 2, producers: 2, consumers: 2 });
  workload.start();
  await workload.progress();
});

afterAll(async () => {
  workload?.stop();
  direct?.channel.close();
  await client?.close({ timeout: 1_000 });
  await cluster?.destroy(() => disk !== undefined && execFileSync('umount', [disk]));
});

/** Mounts a small disk of memory there, where that is allowed. */
function smallDisk(path: string): string | undefined {
  mkdirSync(path);
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'zhumq-test', path];
    execFileSync('mount', options, { stdio: 'pipe' });
    return path;
  } catch (error) {
    report(`NOTICE: no small disk can be mounted here (${String(error).split('\n')[0]}), so that`);
    report('NOTICE: the test of a full disk is skipped; it needs root');
    return undefined;
  }
}

function memoryOf(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

const attacks: [string, () => Buffer][] = [
  // Not what looks like the length of a small frame: that is waited for, see the slow connections below.
  ['random bytes', () => Buffer.concat([Buffer.from('7a', 'hex'), randomBytes(4096)])],
  ['a web browser', () => Buffer.from('GET / HTTP/1.1\r\nHost: zhumq\r\n\r\n')],
  ['a length prefix of 2 GiB', () => Buffer.from('7fffffff80010001', 'hex')],
  ['a negative length prefix', () => Buffer.from('ffffffff80010001', 'hex')],
  ['a length prefix just beyond the limit', () => Buffer.from('1000000180010001', 'hex')],
  ['a frame of no known protocol', () => framed(randomBytes(64))],
  ['a string that is longer than its frame', () => framed(Buffer.from('800100017fffffff', 'hex'))],
];

test.each(attacks)('%s ends that connection and no other', async (_what, bytes) => {
  const { pid } = cluster.broker(1);
  const before = memoryOf(pid);
  const attackers = await Promise.all(Array.from({ length: 50 }, () => RawConnection.open(port)));
  for (const attacker of attackers) attacker.write(bytes());
  await Promise.all(attackers.map(({ closed }) => closed));
  await workload.progress();
  expect(memoryOf(pid) - before).toBeLessThan(MEMORY_GROWTH);
});

test('frames that are cut off leave nothing behind', async () => {
  const whole = callFrame('describeReplicas');
  for (let length = 1; length < whole.length; length += 3) {
    const attacker = await RawConnection.open(port);
    attacker.write(whole.subarray(0, length));
    attacker.socket.end();
    await attacker.closed;
  }
  await workload.progress();
});

test('an unknown method is answered with its name, and the connection goes on', async () => {
  const stranger = await RawConnection.open(port);
  stranger.write(callFrame('dropEverything', 7));
  await until('the answer', () => stranger.received.includes('no method dropEverything'));
  stranger.write(callFrame('initProducer', 8));
  const sequence = Buffer.from('initProducer\0\0\0\x08');
  await until('the second answer', () => stranger.received.includes(sequence));
  stranger.destroy();
});

test('connections that drip bytes are ended in time and keep nobody from working', async () => {
  const { pid } = cluster.broker(1);
  const before = memoryOf(pid);
  const frame = callFrame('describeReplicas');
  const drips = await Promise.all(Array.from({ length: 200 }, () => RawConnection.open(port)));
  let sent = 0;
  await until(
    'all slow connections are ended',
    () => {
      // One byte each look, and never the last one.
      if (sent < frame.length - 1)
        for (const drip of drips) drip.write(frame.subarray(sent, sent + 1));
      sent++;
      return drips.every((drip) => drip.isClosed);
    },
    { timeoutMs: 60_000, state: () => drips.filter((drip) => !drip.isClosed).length },
  );
  await workload.progress();
  expect(memoryOf(pid) - before).toBeLessThan(MEMORY_GROWTH);
});

describe('A batch is refused', () => {
  const record = { timestamp: 1_700_000_000_000, key: null, value: Buffer.from('x') };
  const batch = (value = record.value): Buffer => encodeBatch([{ ...record, value }]);
  /** Changed behind the checksum's back, or with a checksum that fits. */
  const changed = (change: (bytes: Buffer) => void, fits = true): Buffer => {
    const bytes = batch();
    change(bytes);
    if (fits) bytes.writeUInt32BE(crc32c(bytes, 0, BATCH_CRC_START), 17);
    return bytes;
  };

  const refused: [string, string, () => Buffer][] = [
    ['UNSUPPORTED', 'of an older version', () => changed((bytes) => bytes.writeInt8(1, 16))],
    ['CORRUPT_BATCH', 'with a bad checksum', () => changed((bytes) => (bytes[65] ^= 1), false)],
    [
      'INVALID_BATCH',
      'that poses as a control batch (rule 14)',
      () => changed((bytes) => bytes.writeInt16BE(0x20, 21)),
    ],
    [
      'UNSUPPORTED',
      'that poses as a transaction (rule 14)',
      () => changed((bytes) => bytes.writeInt16BE(0x10, 21)),
    ],
    [
      'UNSUPPORTED',
      'that asks for log-append time (rule 31)',
      () => changed((bytes) => bytes.writeInt16BE(0x08, 21)),
    ],
    [
      'INVALID_BATCH',
      'that makes a hole in the offsets (rule 14)',
      () => changed((bytes) => bytes.writeInt32BE(2 ** 31 - 1, 23)),
    ],
    [
      'INVALID_BATCH',
      'with half a producer identity (rule 14)',
      () => changed((bytes) => bytes.writeBigInt64BE(5n, 43)),
    ],
    ['INVALID_BATCH', 'that states another length', () => batch().subarray(0, 66)],
    ['INVALID_BATCH', 'that is shorter than a header', () => Buffer.alloc(20)],
    ['MESSAGE_TOO_LARGE', 'beyond the limit of the topic', () => batch(Buffer.alloc(2 * MIB))],
  ];

  test.each(refused)('with %s when one comes %s', async (code, _what, bytes) => {
    const result = await produceOne(direct.client, TOPIC, bytes());
    expect(refusalOf(result)).toBe(code);
    expect(result.failure?.message).not.toBe('');
    expect(result.baseOffset).toBe(-1);
  });

  test('for a topic or partition that does not exist', async () => {
    const partition = 99;
    const answers = [
      await produceOne(direct.client, 'nowhere', batch()),
      await produceOne(direct.client, TOPIC, batch(), { partition }),
    ];
    expect(answers.map(refusalOf)).toEqual(['UNKNOWN_PARTITION', 'UNKNOWN_PARTITION']);
    const producer = client.producer({ deliveryTimeout: '20s' });
    await expect(producer.send('nowhere', { value: 'x' })).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC',
      outcome: 'rejected',
    });
    await producer.close();
  });

  test('next to one of the same request that is taken', async () => {
    const partitions = [
      { topic: TOPIC, partition: 0, batch: Buffer.alloc(20) },
      { topic: 'side', partition: 0, batch: batch() },
    ];
    await client.admin().createTopic({ topic: 'side', partitions: 1 });
    const answer = await direct.client.produce({ acks: -1, timeoutMs: 10_000, partitions });
    expect(answer.partitions.map(refusalOf)).toEqual(['INVALID_BATCH', undefined]);
  });

  test('by the client with the limit in the message, before anything is sent', async () => {
    const producer = client.producer();
    const sending = producer.send(TOPIC, { value: Buffer.alloc(2 * MIB) });
    await expect(sending).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      outcome: 'rejected',
      message: expect.stringMatching(/1048576|1 ?MiB/),
    });
    await producer.close();
  });
});

test('acks that do not exist, and reads beyond the end, are refused', async () => {
  const record = { timestamp: 0, key: null, value: Buffer.alloc(1) };
  const producing = produceOne(direct.client, TOPIC, encodeBatch([record]), { acks: 7 });
  await expect(producing).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  const position = { topic: TOPIC, partition: 0, offset: 2 ** 50, maxBytes: 1000, lastEpoch: -1 };
  const request = { partitions: [position], maxWaitMs: 0, minBytes: 1, maxBytes: 1000 };
  const { partitions } = await direct.client.pull(request);
  expect(partitions[0].failure?.message).toContain(String(2 ** 50));
});

describe('A broker does not start', () => {
  let ports: number[];
  beforeAll(async () => (ports = await freePorts(2)));

  /** It may be ready before it knows: a known directory does not wait for the metadata store. */
  const startFails = async (server: ServerProcess): Promise<string> => {
    await server.start().catch(() => undefined);
    expect(await server.end()).toEqual({ code: 1, signal: null });
    return server.log();
  };

  const copyOfDirectory = (name: string): string => {
    const copy = join(cluster.directory, name);
    cpSync(cluster.dataDirectory(1), copy, { recursive: true });
    rmSync(join(copy, 'lock'));
    return copy;
  };

  test("on a directory that another process uses, and does not touch that one's lock", async () => {
    const second = cluster.extraBroker('second', 1, ports[0], cluster.dataDirectory(1));
    const log = await startFails(second);
    expect(log).toMatch(/in use|locked/i);
    expect(log).toContain(cluster.dataDirectory(1));
    await workload.progress();
  });

  test("on another broker's directory", async () => {
    const wrong = cluster.extraBroker('wrong-broker', 2, ports[0], copyOfDirectory('copy-for-2'));
    expect(await startFails(wrong)).toMatch(/broker 1\b/);
  });

  test("on another cluster's directory", async () => {
    const other = `${cluster.zookeeper.connectionString}/other`;
    const common = ['--http', '127.0.0.1:0', '-o', 'json', '--stop-with-parent'];
    const run = (name: string, args: string[]): ServerProcess => {
      const server = new ServerProcess(
        name,
        [...args, ...common],
        join(cluster.directory, `${name}.log`),
      );
      cluster.extra.push(server);
      return server;
    };
    const at = (index: number): string[] => [
      ...['--listen', `127.0.0.1:${ports[index]}`, '--zookeeper', other],
    ];
    await run('other-zkserver', ['zkserver', '--id', '1', ...at(0)]).start();
    const data = ['--data-dir', copyOfDirectory('copy-for-other')];
    const wrong = run('other-broker', ['broker', '--id', '1', ...at(1), ...data]);
    expect(await startFails(wrong)).toMatch(/cluster/);
  });
});

describe('A full disk', () => {
  const record = { timestamp: 0, key: null, value: Buffer.alloc(1000) };
  const tryOne = async (): Promise<string> =>
    refusalOf(await produceOne(direct.client, TOPIC, encodeBatch([record]), { acks: 1 })) ?? 'ok';

  const skipped = (): boolean => {
    if (disk === undefined) report('SKIPPED: a full disk (see the notice above)');
    return disk === undefined;
  };

  test('below the reserve records are refused with DISK_FULL, reads go on, and room ends it', async () => {
    if (skipped()) return;
    const filler = fill(RESERVE_BYTES / 2);
    await until('records are refused', async () => (await tryOne()) === 'DISK_FULL');
    const consumer = client.consumer({ topic: TOPIC, from: 'earliest' });
    expect((await consumer.fetch({ max: 10 })).length).toBeGreaterThan(0);
    await consumer.close();

    rmSync(filler);
    await until('records are taken again', async () => (await tryOne()) === 'ok');
    await workload.progress();
  });

  test('to the last byte it fails writes, not what was acknowledged', async () => {
    if (skipped()) return;
    const broker = cluster.broker(1);
    const filler = fill(0);
    const answers = new Set<string>();
    await until(
      'a write has failed',
      async () => {
        answers.add(await tryOne().catch((error: Error) => error.name));
        return [...answers].some((answer) => answer !== 'ok') || !broker.runs;
      },
      { state: () => [...answers] },
    );
    report(`answers while the disk filled up: ${[...answers].join(', ')}`);
    rmSync(filler);
    // Whatever had to be given up is given up until a restart (rules 4 and 7).
    if (broker.runs) await broker.kill();
    await broker.start();
    await workload.progress();
  });
});

/** Leaves so many bytes free; returns the file that holds the others. */
function fill(leave: number): string {
  const path = join(disk ?? '', 'filler');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(64 * 1024, 1);
  try {
    for (;;) {
      const { bavail, bsize } = statfsSync(path);
      if (bavail * bsize - block.length < leave) break;
      writeSync(file, block);
    }
    if (leave === 0) for (;;) writeSync(file, block);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    closeSync(file);
  }
  return path;
}

test('after all that, the others have lost nothing and seen nothing twice', async () => {
  const history = await workload.finish();
  // Producers of the tests above sent to the same topic.
  const own = history.events.map((event) =>
    event.kind === 'poll'
      ? { ...event, records: event.records.filter(([, value]) => /^p\d\//.test(value)) }
      : event,
  );
  report(history.tally());
  expect(anomaliesOf(own)).toEqual([]);
});
