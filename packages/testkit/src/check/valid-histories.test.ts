// The judges are judged: histories with nothing wrong in them are accepted. ZHUMQ_HISTORIES sets how many.
import { judgeEvents } from './judge.js';
import { validHistory } from './trial/valid-history.js';

const HISTORIES = Number(process.env.ZHUMQ_HISTORIES ?? 500);

jest.setTimeout(60_000 + HISTORIES * 60);

test(`${HISTORIES} valid histories raise no alarm`, () => {
  const seen: Record<string, number> = {};
  for (let seed = 0; seed < HISTORIES; seed += 1) {
    const events = validHistory(seed);
    const verdict = judgeEvents(events);
    expect({ seed, examples: verdict.examples.slice(0, 3) }).toEqual({ seed, examples: [] });
    for (const [kind, count] of Object.entries(verdict.events))
      seen[kind] = (seen[kind] ?? 0) + count;
  }
  process.stderr.write(`    ${HISTORIES} valid histories: ${JSON.stringify(seen)}\n`);
});
