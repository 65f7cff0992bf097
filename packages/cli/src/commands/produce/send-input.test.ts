// Sending an input: the window, the first failure, interruption.
import { PassThrough, Readable } from 'node:stream';
import type { OutgoingMessage, Producer, Receipt } from '@zhumq/client';
import { LineSender } from './line-sender.js';
import { sendInput } from './send-input.js';

const never = new AbortController().signal;
const toMessage = (line: Buffer): OutgoingMessage => ({ value: line });

async function until(reached: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!reached()) {
    expect(performance.now()).toBeLessThan(deadlineMs);
    await new Promise(setImmediate);
  }
}

/** Answers each message as told; `pending` are those that wait. */
class FakeProducer {
  readonly values: string[] = [];
  readonly pending: { resolve(receipt: Receipt): void; reject(error: Error): void }[] = [];

  constructor(private readonly answer: (index: number) => Error | 'wait' | 'done') {}

  readonly send = ((_topic: string, message: OutgoingMessage) => {
    const index = this.values.push(String(message.value)) - 1;
    return new Promise<Receipt>((resolve, reject) => {
      const answer = this.answer(index);
      if (answer === 'wait') this.pending.push({ resolve, reject });
      else if (answer === 'done') resolve({ offset: index } as Receipt);
      else reject(answer);
    });
  }) as Producer['send'];
}

test('every line is sent in order and counted when acknowledged', async () => {
  const producer = new FakeProducer(() => 'done');
  const sender = new LineSender(producer, 't');
  await sendInput(
    Readable.from([Buffer.from('a\nb\n'), Buffer.from('c')]),
    sender,
    toMessage,
    never,
  );
  expect(producer.values).toEqual(['a', 'b', 'c']);
  expect(sender).toMatchObject({ sent: 3, acknowledged: 3, failure: undefined });
});

test('no more than the window is under way, however long the input', async () => {
  const producer = new FakeProducer(() => 'wait');
  const sender = new LineSender(producer, 't');
  let read = 0;
  const chunk = Buffer.from('x\n'.repeat(5_000));
  const input = Readable.from(
    (function* () {
      for (; read < 100; read++) yield chunk;
    })(),
  );
  const stop = new AbortController();
  const sending = sendInput(input, sender, toMessage, stop.signal);
  await until(() => sender.underWay === 20_000);
  expect(read).toBeLessThan(50);
  for (const waiting of producer.pending.splice(0)) waiting.resolve({} as Receipt);
  await until(() => sender.sent === 40_000);
  stop.abort();
  for (const waiting of producer.pending.splice(0)) waiting.resolve({} as Receipt);
  await sending;
  expect(sender).toMatchObject({ sent: 40_000, acknowledged: 40_000 });
});

test('the first failure stops the reading, also of an input that says nothing more', async () => {
  const error = new Error('too large');
  const producer = new FakeProducer((index) => (index === 1 ? error : 'done'));
  const sender = new LineSender(producer, 't');
  const input = new PassThrough();
  input.write('a\nb\n');
  await sendInput(input, sender, toMessage, never);
  expect(sender).toMatchObject({ acknowledged: 1, failure: { line: 2, error } });
  expect(input.destroyed).toBe(true);
});

test('a line that is no message is a failure with its number; those before it are acknowledged', async () => {
  const sender = new LineSender(new FakeProducer(() => 'done'), 't');
  const strict = (line: Buffer): OutgoingMessage => {
    if (line.length === 0) throw new Error('empty');
    return { value: line };
  };
  await sendInput(Readable.from([Buffer.from('a\n\nb\n')]), sender, strict, never);
  expect(sender).toMatchObject({ sent: 1, acknowledged: 1, failure: { line: 2 } });
});

test('an interruption ends an input that says nothing, and waits for what is under way', async () => {
  const producer = new FakeProducer(() => 'wait');
  const sender = new LineSender(producer, 't');
  const input = new PassThrough();
  input.write('a\nb\n');
  const stop = new AbortController();
  const sending = sendInput(input, sender, toMessage, stop.signal);
  await until(() => sender.sent === 2);
  stop.abort();
  producer.pending.forEach(({ resolve }) => resolve({} as Receipt));
  await sending;
  expect(sender).toMatchObject({ sent: 2, acknowledged: 2, failure: undefined });
});
