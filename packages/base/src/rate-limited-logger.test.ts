import type { Logger } from './logger.js';
import { ManualClock } from './manual-clock.js';
import { rateLimited } from './rate-limited-logger.js';

function setUp(perSecond: number) {
  const lines: string[] = [];
  const collect = (prefix: string): Logger => {
    const write = (context: object, message: string) =>
      void lines.push(`${prefix}${message}${'suppressed' in context ? ' !' : ''}`);
    const child = (bindings: object) => collect(`${JSON.stringify(bindings)} `);
    return { debug: write, info: write, warn: write, error: write, child };
  };
  const clock = new ManualClock();
  return { clock, lines, logger: rateLimited(collect(''), perSecond, clock) };
}

test('lines above the limit are counted and reported when the second is over', () => {
  const { clock, lines, logger } = setUp(2);
  for (let line = 1; line <= 5; line++) logger.warn({}, `bad frame ${line}`);
  expect(lines).toEqual(['bad frame 1', 'bad frame 2']);
  clock.advance(1000);
  expect(lines.at(-1)).toBe('3 more log lines of this kind were suppressed !');
});

test('each second has its own allowance', () => {
  const { clock, lines, logger } = setUp(1);
  logger.info({}, 'a');
  clock.advance(1000);
  logger.info({}, 'b');
  expect(lines).toEqual(['a', 'b']);
});

test('nothing is reported and no timer waits when nothing was suppressed', () => {
  const { clock, lines, logger } = setUp(2);
  logger.error({}, 'a');
  expect(clock.nextDueMs()).toBeUndefined();
  clock.advance(5000);
  expect(lines).toEqual(['a']);
});

test('children share the limit and keep their bindings', () => {
  const { clock, lines, logger } = setUp(2);
  const child = logger.child({ peer: 1 });
  child.debug({}, 'a');
  logger.debug({}, 'b');
  child.debug({}, 'c');
  clock.advance(1000);
  expect(lines).toEqual(['{"peer":1} a', 'b', '1 more log lines of this kind were suppressed !']);
});

test('a flood of many seconds is reported once a second', () => {
  const { clock, lines, logger } = setUp(1);
  for (let tenth = 0; tenth < 30; tenth++) {
    logger.warn({}, 'flood');
    clock.advance(100);
  }
  expect(lines.filter((line) => line === 'flood')).toHaveLength(3);
  expect(lines.filter((line) => line.startsWith('9 more'))).toHaveLength(3);
});
