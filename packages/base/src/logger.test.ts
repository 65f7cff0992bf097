import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, silentLogger } from './logger.js';
import type { LoggerOptions } from './logger.js';
import { ZhumqError } from './zhumq-error.js';

function capture(options: Partial<LoggerOptions> = {}) {
  const text: string[] = [];
  const destination = { write: (line: string) => text.push(line) };
  const logger = createLogger({ level: 'info', name: 'broker', destination, ...options });
  const lines = () => text.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { logger, text, lines };
}

test('a line is JSON with ISO time, level as text, component, context and message', () => {
  const { logger, lines } = capture();
  logger.info({ topic: 'orders', partition: 3 }, 'became leader');
  expect(lines()).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      component: 'broker',
      topic: 'orders',
      partition: 3,
      msg: 'became leader',
    },
  ]);
});

test('lines below the level are not written', () => {
  const { logger, lines } = capture({ level: 'warn' });
  logger.debug({}, 'a');
  logger.info({}, 'b');
  logger.warn({}, 'c');
  logger.error({}, 'd');
  expect(lines().map(({ level }) => level)).toEqual(['warn', 'error']);
});

test('the level can be changed while running, for children made before too', () => {
  const { logger, lines } = capture();
  const child = logger.child({ topic: 'orders' });
  child.debug({}, 'hidden');
  logger.level = 'debug';
  child.debug({}, 'seen');
  logger.level = 'silent';
  child.error({}, 'hidden');
  expect(logger.level).toBe('silent');
  expect(lines()).toEqual([expect.objectContaining({ topic: 'orders', msg: 'seen' })]);
});

test.each(['err', 'error'])('an error under %s shows message, stack and code', (key) => {
  const kind = {
    code: 7,
    name: 'NOT_LEADER',
    retriable: true,
    fatal: false,
    outcome: 'rejected',
  } as const;
  const { logger, lines } = capture();
  logger.warn({ [key]: new ZhumqError(kind, 'broker 2 leads', { broker: 2 }) }, 'refused');
  expect(lines()[0][key]).toMatchObject({
    message: 'broker 2 leads',
    code: 'NOT_LEADER',
    context: { broker: 2 },
    stack: expect.stringContaining('logger.test.ts'),
  });
});

test('hostile values do not break the line: newlines, percent signs, big integers, circles', () => {
  const circle: Record<string, unknown> = { big: 2n ** 64n };
  circle.self = circle;
  const { logger, text, lines } = capture();
  logger.info({ circle, name: 'a\n{"level":"error"}' }, '100% %s %d\n');
  expect(text).toHaveLength(1);
  expect(text[0].trimEnd()).not.toContain('\n');
  expect(lines()[0]).toMatchObject({ name: 'a\n{"level":"error"}', msg: '100% %s %d\n' });
});

test('a file descriptor is written at once', () => {
  const path = join(tmpdir(), `zhumq-logger-${process.pid}.log`);
  const fd = openSync(path, 'w');
  try {
    createLogger({ level: 'info', name: 'cli', destination: fd }).info({}, 'on disk');
    expect(readFileSync(path, 'utf8')).toContain('"msg":"on disk"');
  } finally {
    closeSync(fd);
    rmSync(path);
  }
});

test('the short form is one line for people', () => {
  const { logger, text } = capture({ format: 'pretty-short' });
  logger.info({ topic: 'orders' }, 'became leader');
  expect(text.join('')).toMatch(/^[\d:.]{12} INFO {2}broker {2}became leader {2}topic=orders\n$/);
});

test('the silent logger and its children say nothing', () => {
  const child = silentLogger.child({ a: 1 });
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    expect(child[level]({}, 'x')).toBeUndefined();
  }
});
