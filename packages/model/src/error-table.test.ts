import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { renderErrorDocs } from './error-docs.js';
import { errorKindOf, errorTable, isError, isPassing, zhumqError } from './error-table.js';

describe('the error table', () => {
  test('gives every error its own number and a sentence', () => {
    const numbers = errorTable().map(({ kind }) => kind.code);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const { meaning } of errorTable()) expect(meaning).toMatch(/^[A-Z].*\.$/);
  });

  test('is read by name and by number', () => {
    const error = zhumqError('NOT_LEADER', 'orders-1 is led by broker 2', { leader: 2 });
    expect(error).toMatchObject({
      code: 'NOT_LEADER',
      retriable: true,
      fatal: false,
      outcome: 'rejected',
      context: { leader: 2 },
    });
    expect(isError(error, 'NOT_LEADER')).toBe(true);
    expect(isError(error, 'TIMEOUT')).toBe(false);
    expect(isError(new Error('x'), 'NOT_LEADER')).toBe(false);
    expect(errorKindOf(20)).toBe(error.kind);
  });

  test('says of each error that passes by itself that it is retriable', () => {
    const passing = errorTable().filter(({ kind }) => isPassing(kind.name));
    expect(passing.map(({ kind }) => kind.retriable)).toEqual(Array(8).fill(true));
    expect(isPassing('NOT_LEADER')).toBe(true);
    expect([isPassing('TIMEOUT'), isPassing('UNKNOWN_9999'), isPassing('constructor')]).toEqual([
      ...[false, false, false],
    ]);
  });

  test('takes an unknown number for not retriable and of unknown outcome', () => {
    expect(errorKindOf(9999)).toEqual({
      code: 9999,
      name: 'UNKNOWN_9999',
      retriable: false,
      fatal: false,
      outcome: 'unknown',
    });
  });

  test('is what docs/errors.md says', () => {
    const page = path.resolve(__dirname, '../../../docs/errors.md');
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(page, renderErrorDocs());
    expect(readFileSync(page, 'utf8')).toBe(renderErrorDocs());
  });
});
