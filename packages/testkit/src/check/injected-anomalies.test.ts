// Each anomaly, put into valid histories, is found under its own name. ZHUMQ_HISTORIES sets how many: a tenth of it for
// each of them.
import { judgeEvents } from './judge.js';
import { injured } from './trial/inject.js';
import { ANOMALIES } from './violation.js';
import type { Anomaly } from './violation.js';

const INJECTIONS = Math.ceil(Number(process.env.ZHUMQ_HISTORIES ?? 500) / 10);
/** Not every history has a place for every anomaly. */
const SEEDS = INJECTIONS * 60;

jest.setTimeout(60_000 + INJECTIONS * 600);

test.each(Object.keys(ANOMALIES) as Anomaly[])(
  `%s: ${INJECTIONS} of them are caught`,
  (anomaly) => {
    const missed: number[] = [];
    let injected = 0;
    for (let seed = 0; injected < INJECTIONS && seed < SEEDS; seed += 1) {
      const events = injured(anomaly, seed);
      if (events === undefined) continue;
      injected += 1;
      if (judgeEvents(events).anomalies[anomaly] === undefined) missed.push(seed);
    }
    expect({ injected, missed }).toEqual({ injected: INJECTIONS, missed: [] });
  },
);
