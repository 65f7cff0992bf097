// Takes reports of leaders and answers with what is recorded of their partitions, whether they counted or not (rule 2).
// A partition that does not exist (any more) is not in the answer.
import { zhumqError } from '@zhumq/model';
import type { LeaderReport, PartitionAssignment } from '@zhumq/rpc';
import { topicsOf } from '../view/cluster-view.js';
import { assignmentOf } from '../wire/cluster-info.js';
import { asActive } from './api-context.js';
import type { ApiContext } from './api-context.js';

const MAX_REPORTS = 10_000;

export function reportLeaders(
  context: ApiContext,
  reports: readonly LeaderReport[],
): Promise<PartitionAssignment[]> {
  if (reports.length > MAX_REPORTS) {
    const message = `${reports.length} reports at once; at most ${MAX_REPORTS}`;
    throw zhumqError('INVALID_REQUEST', message, { reports: reports.length, limit: MAX_REPORTS });
  }
  const wrong = reports.find(({ incarnation }) => !Number.isSafeInteger(incarnation));
  if (wrong !== undefined) {
    const message = `broker ${wrong.broker} reports an incarnation that is no number in range`;
    throw zhumqError('INVALID_REQUEST', message, { broker: wrong.broker });
  }
  return asActive(context, async (controller) => {
    const view = await controller.submit({ kind: 'leaders-claimed', claims: reports });
    const byId = new Map(topicsOf(view).map((topic) => [topic.record.topicId, topic]));
    return reports.flatMap(({ topicId, partition }) => {
      const topic = byId.get(topicId);
      const assignment = topic && assignmentOf(topic, partition);
      return assignment === undefined ? [] : [assignment];
    });
  });
}
