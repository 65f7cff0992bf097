// What the handlers of the calls need of the zkserver.
import { formatHostPort } from '@zhumq/base';
import type { MetadataStore } from '@zhumq/metadata';
import { isError, zhumqError } from '@zhumq/model';
import type { ZkServerRegistration } from '@zhumq/model';
import type { Controller } from '../controller/controller.js';
import type { ClusterView } from '../view/cluster-view.js';

export interface ApiContext {
  readonly store: MetadataStore;
  /** The cluster as last read; undefined before the first time. */
  view(): ClusterView | undefined;
  /** Defined while this zkserver is the active one. */
  controller(): Controller | undefined;
  /** Who is the active one, as last seen. */
  activeZkServer(): ZkServerRegistration | undefined;
  /** A leader's wish for another ISR was carried out, or refused. */
  onIsrChange(done: boolean): void;
}

/** Does what only the active zkserver may do; NOT_CONTROLLER, with the address of the active one, anywhere else. */
export async function asActive<T>(
  context: ApiContext,
  action: (controller: Controller) => Promise<T>,
): Promise<T> {
  const controller = context.controller();
  if (controller === undefined) throw notController(context);
  try {
    return await action(controller);
  } catch (error) {
    throw isError(error, 'STALE_CONTROLLER') ? notController(context, error) : error;
  }
}

function notController(context: ApiContext, cause?: unknown): Error {
  const active = context.activeZkServer();
  if (active === undefined || context.controller() !== undefined || cause !== undefined) {
    const message = 'no zkserver is known to be active at the moment; try again soon';
    return zhumqError('NOT_CONTROLLER', message, {}, cause);
  }
  const { id, host, port } = active;
  const message = `zkserver ${id} at ${formatHostPort(active)} is the active one`;
  return zhumqError('NOT_CONTROLLER', message, { id, host, port });
}
