// Everything that a broker must hold, for a broker that asks.
import type { DesiredState, DesiredStateRequest } from '@zhumq/rpc';
import { asActive } from './api-context.js';
import type { ApiContext } from './api-context.js';

export function desiredState(
  context: ApiContext,
  { broker, incarnation }: DesiredStateRequest,
): Promise<DesiredState> {
  return asActive(context, (controller) => controller.desiredState(broker, incarnation));
}
