// The memory of a consumer whose handler is slow, measured from outside at a process of its own: it stays under its prefetch
// bound plus a constant, however much the topic holds.
import { startTestBroker } from '@zhumq/testing';
import type { TestBroker } from '@zhumq/testing';
import { ConsumerProgram } from './support/consumer-program.js';
import { report } from './support/report.js';
import { until } from './support/until.js';

const MIB = 1024 * 1024;
/** The long form is ZHUMQ_MEMORY_MINUTES=10. */
const MINUTES = Number(process.env.ZHUMQ_MEMORY_MINUTES ?? 0);
const RUN_MS = MINUTES * 60_000 || 6_000;
const TOPIC_MIB = MINUTES > 0 ? 128 : 40;
const PREFETCH_MIB = 2;
const HANDLER_MS = 10;
const SAMPLE_MS = Math.max(200, RUN_MS / 200);
/** What a program with a client takes besides, by the heap and the buffers that are alive: measured 15 MiB. */
const CONSTANT_MIB = 24;
/** And by RSS, which keeps what was freed: measured 80 MiB. */
const RSS_CONSTANT_MIB = 128;

interface Sample {
  readonly rss: number;
  readonly alive: number;
  readonly handled: number;
  readonly buffered: number;
}

let broker: TestBroker;

jest.setTimeout(2 * RUN_MS + 240_000);

beforeAll(async () => {
  broker = await startTestBroker({ topics: [{ topic: 't', partitions: 4 }] });
  const mq = await broker.client();
  const producer = mq.producer();
  const value = 'x'.repeat(1024);
  for (let mib = 0; mib < TOPIC_MIB; mib++) {
    await producer.send(
      't',
      Array.from({ length: MIB / 1024 }, (_one, n) => ({ value, partition: n % 4 })),
    );
  }
  await producer.close();
});

afterAll(() => broker?.stop());

const PROGRAM = `
  let handled = 0;
  consumer.run(async () => {
    await new Promise((resolve) => setTimeout(resolve, ${HANDLER_MS}));
    handled++;
  });
  setInterval(() => {
    gc();
    const { rss, heapUsed, external } = process.memoryUsage();
    say('memory', rss, heapUsed + external, handled, consumer.health().bufferedBytes);
  }, ${SAMPLE_MS});
`;

test.each(['pull', 'push'] as const)(
  'of a consumer with a slow handler, by %s, stays under prefetchBytes plus a constant (platformatic#128, #260)',
  async (delivery) => {
    const program = new ConsumerProgram({
      bootstrap: broker.bootstrap,
      consumer: { topic: 't', group: delivery, delivery, prefetchBytes: PREFETCH_MIB * MIB },
      program: PROGRAM,
      nodeFlags: ['--expose-gc'],
    });
    try {
      const samples = (): Sample[] =>
        program.saying('memory').map((line) => {
          const [rss, alive, handled, buffered] = line.split(' ').slice(1).map(Number);
          return { rss, alive, handled, buffered };
        });
      const enough = Math.floor(RUN_MS / SAMPLE_MS);
      const perSecond = 1000 / HANDLER_MS / 4;
      await until('it was measured for long enough', () => samples().length >= enough, {
        timeoutMs: 2 * RUN_MS + 60_000,
      });
      const all = samples();
      const most = (of: (sample: Sample) => number): number => Math.max(...all.map(of));
      const text = (bytes: number): string => (bytes / MIB).toFixed(1);
      report(
        `${delivery}: ${all.length} samples, ${most(({ handled }) => handled)} handled of ${TOPIC_MIB * 1024}; ` +
          `at most ${text(most(({ alive }) => alive))} MiB alive, ${text(most(({ rss }) => rss))} MiB RSS, ` +
          `${text(most(({ buffered }) => buffered))} MiB buffered of ${PREFETCH_MIB}`,
      );
      expect(most(({ handled }) => handled)).toBeGreaterThan((RUN_MS / 1000) * perSecond);
      // It did read ahead.
      expect(most(({ buffered }) => buffered)).toBeGreaterThan((PREFETCH_MIB / 4) * MIB);
      expect(most(({ buffered }) => buffered)).toBeLessThanOrEqual(PREFETCH_MIB * MIB);
      expect(most(({ alive }) => alive)).toBeLessThan((PREFETCH_MIB + CONSTANT_MIB) * MIB);
      expect(most(({ rss }) => rss)).toBeLessThan((PREFETCH_MIB + RSS_CONSTANT_MIB) * MIB);
    } finally {
      await program.kill();
    }
  },
);
