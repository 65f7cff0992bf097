// The cluster for clients and brokers; served by every zkserver from its own view.
import { zhumqError } from '@zhumq/model';
import type { ClusterMetadata, MetadataRequest } from '@zhumq/rpc';
import { findTopic, topicsOf } from '../view/cluster-view.js';
import { brokerInfos, endpoint, topicInfo } from '../wire/cluster-info.js';
import type { ApiContext } from './api-context.js';

export function metadata(context: ApiContext, request: MetadataRequest): ClusterMetadata {
  const view = context.view();
  if (view === undefined) {
    const message =
      'this zkserver has not read the metadata store yet; try again or ask another one';
    throw zhumqError('STORE_UNAVAILABLE', message, { sent: false });
  }
  const active = context.activeZkServer();
  const wanted = request.topics?.map((name) => findTopic(view, name)) ?? topicsOf(view);
  const topics = [...new Set(wanted)].filter((topic) => topic !== undefined);
  return {
    clusterId: view.clusterId,
    brokers: brokerInfos(view),
    zkservers: view.zkservers.map(endpoint),
    controller: active?.id ?? -1,
    controllerEpoch: active?.controllerEpoch ?? 0,
    topics: topics.map(topicInfo),
  };
}
