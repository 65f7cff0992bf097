// Gives a broker the next block of producer ids.
import { assert } from '@zhumq/base';
import type { ProducerIdBlock } from '@zhumq/rpc';
import { PRODUCER_ID_BLOCK } from '../controller/producer-ids.js';
import { asActive } from './api-context.js';
import type { ApiContext } from './api-context.js';

export function allocateProducerIds(context: ApiContext): Promise<ProducerIdBlock> {
  return asActive(context, async (controller) => {
    const { producerIds } = await controller.submit({ kind: 'producer-ids-wanted' });
    assert(producerIds !== undefined, 'the block was written');
    return { first: producerIds.value.next - PRODUCER_ID_BLOCK, count: PRODUCER_ID_BLOCK };
  });
}
