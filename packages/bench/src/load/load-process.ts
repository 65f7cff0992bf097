// A process that loads the cluster, or reads it: takes one job from its parent, and reports.
import type { Job, Order, Report } from './jobs.js';
import { ProduceLoad } from './produce-load.js';
import { TopicReader } from './topic-reader.js';

const PROGRESS_MS = 250;

let producing: ProduceLoad | undefined;
let reading: TopicReader | undefined;

function tell(report: Report): void {
  process.send?.(report);
}

async function take(job: Job): Promise<void> {
  if (job.kind === 'produce') {
    producing = new ProduceLoad(job);
    await producing.open();
    begun();
    producing.start();
    return;
  }
  reading = new TopicReader(job);
  await reading.open();
  begun();
  finish({ report: 'done', outcome: await reading.run() });
}

function begun(): void {
  tell({ report: 'ready' });
  setInterval(
    () => tell({ report: 'progress', messages: producing?.acknowledged ?? reading?.messages ?? 0 }),
    PROGRESS_MS,
  );
}

async function obey(order: Order): Promise<void> {
  if (order.order === 'job') return take(order.job);
  if (order.order === 'measure') {
    producing?.measure();
    reading?.measure();
    return;
  }
  if (order.order === 'gaps') {
    tell({ report: 'gaps', gaps: producing?.gaps.gaps ?? [] });
    if (order.anew) producing?.gaps.begin();
    return;
  }
  reading?.stop(order.ends);
  if (producing !== undefined) finish({ report: 'done', outcome: await producing.stop() });
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
