import { formatLogLine } from './log-format.js';

const line = (context: object, msg = 'refused') =>
  JSON.stringify({
    level: 'warn',
    time: '2026-01-02T03:04:05.678Z',
    component: 'rpc',
    ...context,
    msg,
  });

test('time, level, component, message, then the context', () => {
  expect(formatLogLine(line({ peer: '10.0.0.1:9092', bytes: 12, why: 'too large' }))).toBe(
    '03:04:05.678 WARN  rpc  refused  peer=10.0.0.1:9092  bytes=12  why="too large"\n',
  );
});

test('an error shows its message in the line and its stack below', () => {
  const err = { type: 'Error', message: 'no route', stack: 'Error: no route\n    at a\n    at b' };
  expect(formatLogLine(line({ err }))).toBe(
    '03:04:05.678 WARN  rpc  refused  err="no route"\n    at a\n    at b\n',
  );
});

test('text from strangers can neither steer the terminal nor forge a line', () => {
  const escape = '\u001b[2J';
  const formatted = formatLogLine(
    line({ [`k${escape}`]: `v${escape}`, more: '\u202e\u2028' }, `m${escape}\nforged`),
  );
  expect(formatted).not.toMatch(/[\u001b\u202e\u2028]/);
  expect(formatted.trimEnd()).not.toContain('\n');
  expect(formatted).toContain('m\\u001b[2J\\u000aforged');
});

test('what is no JSON passes unchanged', () => {
  expect(formatLogLine('plain\n')).toBe('plain\n');
});
