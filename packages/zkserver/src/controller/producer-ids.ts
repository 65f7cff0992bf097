// Decides the next block of producer ids. A block that was written and not handed out is lost; none is given twice.
import { paths } from '@zhumq/metadata';
import { producerIdsCodec } from '@zhumq/model';
import type { Decide } from './decision.js';

export const PRODUCER_ID_BLOCK = 1000;

export const reserveProducerIds: Decide<'producer-ids-wanted'> = ({ producerIds }) => {
  const path = paths.producerIds;
  const next = (producerIds?.value.next ?? 0) + PRODUCER_ID_BLOCK;
  const data = producerIdsCodec.encode({ next });
  if (producerIds === undefined) return [[{ kind: 'create', path, data }]];
  return [[{ kind: 'set', path, data, version: producerIds.version }]];
};
