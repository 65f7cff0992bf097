// A process that loads the cluster, or reads it back: takes one job from its parent, and reports.
import type { Job, Order, Report } from './jobs.js';
import { ProduceLoad } from './produce-load.js';
import { ReadBack } from './read-back.js';

const PROGRESS_MS = 250;

let running: ProduceLoad | undefined;

function tell(report: Report): void {
  process.send?.(report);
}

async function take(job: Job): Promise<void> {
  if (job.kind === 'produce') {
    running = new ProduceLoad(job);
    await running.open();
    const load = running;
    setInterval(() => tell({ report: 'progress', messages: load.acknowledged }), PROGRESS_MS);
    tell({ report: 'ready' });
    load.start();
    return;
  }
  const reading = new ReadBack(job);
  await reading.open();
  tell({ report: 'ready' });
  setInterval(() => tell({ report: 'progress', messages: reading.messages }), PROGRESS_MS);
  finish({ report: 'done', outcome: await reading.run() });
}

async function obey(order: Order): Promise<void> {
  if (order.order === 'job') return take(order.job);
  if (order.order === 'measure') return running?.measure();
  if (running !== undefined) finish({ report: 'done', outcome: await running.stop() });
}

/** The last word; the parent's disconnecting ends the process. */
function finish(report: Report): void {
  process.send?.(report, () => process.disconnect());
}

process.on('message', (order: Order) => {
  obey(order).catch((error: Error) =>
    finish({ report: 'failed', message: error.stack ?? error.message }),
  );
});
process.on('disconnect', () => process.exit());
