// Is this zkserver alive, and should it be asked?
import { formatHostPort } from '@zhumq/base';
import type { HealthCheck, HealthReport } from '@zhumq/base';
import type { Session } from '@zhumq/metadata';
import type { ZkServerRegistration } from '@zhumq/model';
import { lostReplicas } from './controller/broker-registry.js';
import type { ClusterView } from './view/cluster-view.js';

export interface HealthInput {
  readonly session: Session;
  readonly view: ClusterView | undefined;
  readonly active: ZkServerRegistration | undefined;
  readonly stopping: boolean;
}

/** Never failing because of the store: a restart would not bring it back. */
export function liveness({ stopping }: HealthInput): HealthReport {
  return { checks: [{ name: 'running', ok: true, detail: stopping ? 'stopping' : 'running' }] };
}

export function readiness({ session, view, active, stopping }: HealthInput): HealthReport {
  const check = (name: string, ok: boolean, detail: string): HealthCheck => ({ name, ok, detail });
  return {
    checks: [
      check('running', !stopping, stopping ? 'stopping' : 'running'),
      check('store', session.state === 'connected', `the session is ${session.state}`),
      check('view', view !== undefined, view === undefined ? 'not read yet' : viewDetail(view)),
      check('controller', active !== undefined, controllerDetail(active)),
    ],
  };
}

function viewDetail(view: ClusterView): string {
  const lost = lostReplicas(view);
  const counts = `${view.liveBrokers.size} brokers alive, ${view.topicNodes.size} topics`;
  if (lost.length === 0) return counts;
  const [{ broker, topic, partition }] = lost;
  return `${counts}, ${lost.length} replicas lost with their data directory, such as ${topic}-${partition} on broker ${broker}`;
}

function controllerDetail(active: ZkServerRegistration | undefined): string {
  if (active === undefined) return 'no active zkserver is known';
  return `zkserver ${active.id} at ${formatHostPort(active)}, epoch ${active.controllerEpoch}`;
}
