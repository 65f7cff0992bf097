// Changes settings of a topic, or shows them as they would be.
import type { TopicInfo } from '@zhumq/rpc';
import { asActive } from './api-context.js';
import type { ApiContext } from './api-context.js';
import { topicInfoOf } from './create-topic-handler.js';

export function alterTopic(
  context: ApiContext,
  name: string,
  config: Readonly<Record<string, string>>,
  dryRun: boolean,
): Promise<TopicInfo> {
  return asActive(context, async (controller) => {
    const event = { kind: 'alter-topic', name, config } as const;
    const view = await (dryRun ? controller.preview(event) : controller.submit(event));
    return topicInfoOf(view, name);
  });
}
