// What costs a member of a group its partitions, on real processes: not a handler that takes long, but an event loop that
// stands still. And members by push and by pull that take partitions over from each other.
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { ClusterProcesses } from './support/cluster-processes.js';
import { ConsumerProgram } from './support/consumer-program.js';
import { report } from './support/report.js';
import { until } from './support/until.js';

const SESSION_MS = 3_000;
/** The long form is ZHUMQ_HANDLER_MINUTES=10. */
const HANDLER_MS = Number(process.env.ZHUMQ_HANDLER_MINUTES ?? 0) * 60_000 || 3 * SESSION_MS;
const PARTITIONS = 2;

let cluster: ClusterProcesses;
let client: Client;
const programs: ConsumerProgram[] = [];

jest.setTimeout(HANDLER_MS + 240_000);

beforeAll(async () => {
  cluster = await ClusterProcesses.start({
    ...{ brokers: 3, zkservers: 1, zookeepers: 1 },
    zkserverFlags: ['--session-timeout', '3s'],
    brokerFlags: ['--session-timeout', '3s'],
  });
  client = await connect(cluster.bootstrap);
});

afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()));
});

afterAll(async () => {
  await client?.close({ timeout: 1_000 });
  await cluster?.destroy();
});

async function topicOf(topic: string): Promise<void> {
  await client.admin().createTopic({ topic, partitions: PARTITIONS, replicas: 3 });
}

function start(
  topic: string,
  program: string,
  options: { delivery?: 'push' | 'pull'; onLine?: (line: string) => void } = {},
): ConsumerProgram {
  const { delivery = 'pull', onLine } = options;
  const one = new ConsumerProgram({
    bootstrap: cluster.bootstrap,
    consumer: { topic, group: topic, delivery, sessionTimeout: SESSION_MS, commitInterval: 100 },
    program,
    onLine,
  });
  programs.push(one);
  return one;
}

/** Says of each message when it is begun and when it is done. */
function handling(body: string): string {
  return `
    consumer.run(async ({ partition, value }) => {
      const number = Number(String(value));
      say('begun', partition, number);
      ${body}
      say('handled', partition, number);
    }).catch((error) => say('failed', error.code ?? error));
  `;
}

/** Says how far a partition is committed, as soon as it is. */
const COMMITTED = `
  const told = new Map();
  for (;;) {
    const { partitions } = await consumer.lag().catch(() => ({ partitions: [] }));
    for (const { partition, committed } of partitions) {
      if (committed > 0 && told.get(partition) !== committed) say('committed', partition, committed);
      told.set(partition, committed);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
`;

/** The one partition that each of two members has. */
async function shared(one: ConsumerProgram, other: ConsumerProgram): Promise<[number, number]> {
  await until('each has a partition', () => {
    return one.said('event revoked') && other.said('event assigned');
  });
  const mine = Number(other.saying('event assigned')[0].split(' ')[2]);
  return [1 - mine, mine];
}

/** Sends numbers from 0 on; gives the offset behind the last one. */
async function send(topic: string, partition: number, count = 1): Promise<number> {
  const producer = client.producer();
  let end = 0;
  for (let n = 0; n < count; n++) {
    const { offset } = await producer.send(topic, { partition, value: `${n}` });
    end = offset + 1;
  }
  await producer.close();
  return end;
}

test('a handler that takes long, for its program waits, does not cost the membership, and its commit succeeds', async () => {
  const topic = 'slow-handler';
  await topicOf(topic);
  const hold = `if (number === 0) await new Promise((resolve) => setTimeout(resolve, ${HANDLER_MS}));`;
  const one = start(topic, handling(hold) + COMMITTED);
  await until('the first member has everything', () => one.said('event assigned 0,1'));
  const other = start(topic, handling('') + COMMITTED);
  const [slow, quick] = await shared(one, other);
  const startMs = performance.now();
  const slowEnd = await send(topic, slow);
  await until('the handler is at work', () => one.said(`begun ${slow} 0`));
  const quickEnd = await send(topic, quick, 10);
  await until('the other partition goes on meanwhile', () =>
    other.said(`committed ${quick} ${quickEnd}`),
  );
  expect(one.said(`handled ${slow} 0`)).toBe(false);
  await until('the slow message is committed', () => one.said(`committed ${slow} ${slowEnd}`), {
    timeoutMs: HANDLER_MS + 60_000,
  });
  const tookMs = Math.round(performance.now() - startMs);
  report(
    `a handler of ${HANDLER_MS} ms was committed after ${tookMs} ms, session ${SESSION_MS} ms`,
  );
  expect(tookMs).toBeGreaterThanOrEqual(HANDLER_MS);
  for (const { lines } of [one, other]) {
    expect(lines.filter((line) => /fenced|lost|blocked|commitFailed|failed/.test(line))).toEqual(
      [],
    );
  }
  expect(other.said(`begun ${slow}`)).toBe(false);
});

test('an event loop that stands still costs the membership: it is told, its commit is refused, and another member handles the message', async () => {
  const topic = 'blocked-loop';
  await topicOf(topic);
  const block = `
    if (number === 0) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${3 * SESSION_MS});
      say('unblocked');
      setImmediate(() => {
        consumer.commit().then(() => say('commit done'), (error) => say('commit', error.code));
      });
    }
  `;
  const one = start(topic, handling(block));
  await until('the first member has everything', () => one.said('event assigned 0,1'));
  const other = start(topic, handling('') + COMMITTED);
  const [blocked] = await shared(one, other);
  const end = await send(topic, blocked, 5);
  await until('the loop stands still', () => one.said(`begun ${blocked} 0`));
  const startMs = performance.now();
  await until('the other member handles it all', () => other.said(`committed ${blocked} ${end}`));
  const tookMs = Math.round(performance.now() - startMs);
  report(`what a blocked member had was handled elsewhere ${tookMs} ms after it stood still`);
  expect(one.said('unblocked')).toBe(false);
  expect(other.saying(`handled ${blocked}`)).toEqual(
    [0, 1, 2, 3, 4].map((number) => `handled ${blocked} ${number}`),
  );
  await until(
    'the blocked member heard of it',
    () => one.said('commit ') && one.said('event fenced'),
  );
  expect(one.saying('commit ')).toEqual(['commit FENCED_MEMBER']);
  expect(one.saying('event blocked')).toHaveLength(1);
  expect(one.saying('event lost')).toEqual([`event lost ${blocked}`]);
  expect(one.saying('event fenced')).toEqual(['event fenced UNKNOWN_MEMBER']);
  // It had no more than the one message in hand: nothing else was done twice.
  expect(one.saying(`handled ${blocked}`)).toEqual([`handled ${blocked} 0`]);
  await until('it is a member again', () => one.saying('event assigned').length === 2);
});

test('a member by push and one by pull take partitions over from each other: nothing is lost, and nothing done twice', async () => {
  const topic = 'mixed';
  await topicOf(topic);
  const handled = new Map<string, number>();
  const last = [-1, -1];
  const faults: string[] = [];
  const onLine = (line: string): void => {
    const [word, partition, number] = line.split(' ');
    if (word !== 'handled') return;
    const name = `${partition} ${number}`;
    handled.set(name, (handled.get(name) ?? 0) + 1);
    if (Number(number) <= last[Number(partition)]) faults.push(`${name} after ${last}`);
    last[Number(partition)] = Number(number);
  };
  const leave = `
    process.once('SIGTERM', () => {});
    setTimeout(async () => { await consumer.close(); say('left'); process.exit(0); }, STAY_MS);
  `;
  const stays = start(topic, handling(''), { delivery: 'push', onLine });
  await until('the one that stays has everything', () => stays.said('event assigned 0,1'));
  const producer = client.producer();
  let sending = true;
  const sent: string[] = [];
  const load = Promise.all(
    [0, 1].map(async (partition) => {
      for (let number = 0; sending; number++) {
        await producer.send(topic, { partition, value: `${number}` });
        sent.push(`${partition} ${number}`);
      }
    }),
  );
  const deliveries = ['pull', 'push', 'pull'] as const;
  for (const [round, delivery] of deliveries.entries()) {
    const guest = start(topic, handling('') + leave.replace('STAY_MS', '2000'), {
      delivery,
      onLine,
    });
    await until('the guest handles messages', () => guest.said('handled'));
    await until('the guest has left', () => guest.said('left'));
    await until('its partition is back', () => {
      return stays.saying('event assigned').length === round + 2;
    });
  }
  sending = false;
  await load;
  await until('everything is handled', () => sent.every((name) => handled.has(name)));
  const twice = [...handled.values()].filter((times) => times > 1).length;
  report(
    `${sent.length} sent, ${handled.size} handled, ${twice} twice, in ${deliveries.length} rounds`,
  );
  expect([twice, faults]).toEqual([0, []]);
  await producer.close();
});
