// Deletes a topic, or says whether it could.
import { asActive } from './api-context.js';
import type { ApiContext } from './api-context.js';

export function deleteTopic(context: ApiContext, name: string, dryRun: boolean): Promise<void> {
  return asActive(context, async (controller) => {
    const event = { kind: 'delete-topic', name } as const;
    await (dryRun ? controller.preview(event) : controller.submit(event));
  });
}
