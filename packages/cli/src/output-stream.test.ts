// Rows in each format, and waiting for whoever reads them.
import { PassThrough, Writable } from 'node:stream';
import { OutputStream } from './output-stream.js';
import type { OutputFormat } from './output.js';

async function written(format: OutputFormat, batches: readonly string[][]): Promise<string> {
  const target = new PassThrough();
  const output = new OutputStream(target, format);
  for (const batch of batches) await output.write(batch);
  output.end();
  target.end();
  const chunks: Buffer[] = [];
  for await (const chunk of target) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

test('jsonl and table: a row is a line', async () => {
  expect(await written('jsonl', [['1', '2'], [], ['3']])).toBe('1\n2\n3\n');
  expect(await written('table', [['a'], ['']])).toBe('a\n\n');
});

test.each([[[]], [[['1']]], [[['1', '2'], ['3']]]])('json is one array: %j', async (batches) => {
  expect(JSON.parse(await written('json', batches))).toEqual(batches.flat().map(Number));
});

test('writing waits until there is room', async () => {
  const target = new PassThrough({ highWaterMark: 4 });
  const output = new OutputStream(target, 'table');
  let done = false;
  const writing = output.write(['123456']).then(() => (done = true));
  await new Promise(setImmediate);
  expect(done).toBe(false);
  target.resume();
  await writing;
  expect(output.rows).toBe(1);
});

test('a signal ends the waiting', async () => {
  const output = new OutputStream(new PassThrough({ highWaterMark: 1 }), 'table');
  const stop = new AbortController();
  const writing = output.write(['123'], stop.signal);
  stop.abort();
  await writing;
  await output.write(['456'], stop.signal);
});

test('flush says whether rows left', async () => {
  const done: ((error?: Error) => void)[] = [];
  const target = new Writable({ write: (_chunk, _encoding, callback) => void done.push(callback) });
  target.on('error', () => undefined);
  const output = new OutputStream(target, 'table');
  const never = new AbortController().signal;
  const first = output.flush(['1'], never);
  done[0]();
  expect(await first).toBe(true);
  const stop = new AbortController();
  const late = output.flush(['2'], stop.signal);
  stop.abort();
  expect(await late).toBe(false);
  done[1]();
  const broken = output.flush(['3'], never);
  done[2](new Error('EPIPE'));
  await expect(broken).rejects.toThrow('EPIPE');
});
