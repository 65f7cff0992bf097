// Every path of the tree (docs/zookeeper.md), built and parsed. Nobody else joins or splits paths. The chroot (/zhumq)
// belongs to the connection string and does not appear here.
import { zhumqError } from '@zhumq/model';

/** Fixed places. */
export const paths = {
  clusterId: '/cluster/id',
  /** Parent of the candidates' ephemeral sequential nodes. */
  candidates: '/zkservers',
  /** Prefix of a candidate's node; the store appends ten digits. */
  candidatePrefix: '/zkservers/',
  controller: '/controller',
  controllerEpoch: '/controller_epoch',
  brokerIds: '/brokers/ids',
  brokerRegistry: '/brokers/registry',
  topics: '/topics',
  topicConfigs: '/config/topics',
  brokerConfigs: '/config/brokers',
  clientConfigs: '/config/clients',
  acl: '/acl',
  tokens: '/tokens',
  reassignments: '/admin/reassignments',
  deletions: '/admin/deletions',
  switches: '/admin/switches',
  producerIds: '/producer_ids',

  candidate: (sequence: string): string => `/zkservers/${segment(sequence)}`,
  liveBroker: (brokerId: number): string => `/brokers/ids/${integer(brokerId)}`,
  registeredBroker: (brokerId: number): string => `/brokers/registry/${integer(brokerId)}`,
  topic: (topic: string): string => `/topics/${segment(topic)}`,
  partitions: (topic: string): string => `/topics/${segment(topic)}/partitions`,
  partition: (topic: string, partition: number): string =>
    `/topics/${segment(topic)}/partitions/${integer(partition)}`,
  topicConfig: (topic: string): string => `/config/topics/${segment(topic)}`,
  brokerConfig: (brokerId: number): string => `/config/brokers/${integer(brokerId)}`,
  clientConfig: (client: string): string => `/config/clients/${escaped(client)}`,
  aclOf: (resource: string): string => `/acl/${escaped(resource)}`,
  token: (tokenId: string): string => `/tokens/${escaped(tokenId)}`,
  reassignment: (topic: string, partition: number): string =>
    `/admin/reassignments/${segment(topic)}-${integer(partition)}`,
  deletion: (topicId: string): string => `/admin/deletions/${segment(topicId)}`,
  topicSwitch: (topicId: string): string => `/admin/switches/${segment(topicId)}`,
} as const;

/** The persistent parents that a new cluster needs, in order of creation. */
export const persistentParents: readonly string[] = [
  ...['/cluster', '/zkservers', '/brokers', '/brokers/ids', '/brokers/registry', '/topics'],
  ...['/config', '/config/topics', '/config/brokers', '/config/clients', '/acl', '/tokens'],
  ...['/admin', '/admin/reassignments', '/admin/deletions', '/admin/switches'],
];

/** What a path of the tree stands for. */
export type ParsedPath =
  | { readonly kind: 'cluster-id' | 'controller' | 'controller-epoch' | 'producer-ids' }
  | { readonly kind: 'candidate'; readonly sequence: string }
  | {
      readonly kind: 'live-broker' | 'registered-broker' | 'broker-config';
      readonly brokerId: number;
    }
  | { readonly kind: 'topic' | 'topic-config'; readonly topic: string }
  | {
      readonly kind: 'partition' | 'reassignment';
      readonly topic: string;
      readonly partition: number;
    }
  | { readonly kind: 'client-config'; readonly client: string }
  | { readonly kind: 'acl'; readonly resource: string }
  | { readonly kind: 'token'; readonly tokenId: string }
  | { readonly kind: 'deletion' | 'topic-switch'; readonly topicId: string }
  | { readonly kind: 'parent' };

type Parser = (...parts: string[]) => ParsedPath | undefined;

const patterns: readonly (readonly [RegExp, Parser])[] = [
  [/^\/cluster\/id$/, () => ({ kind: 'cluster-id' })],
  [/^\/controller$/, () => ({ kind: 'controller' })],
  [/^\/controller_epoch$/, () => ({ kind: 'controller-epoch' })],
  [/^\/producer_ids$/, () => ({ kind: 'producer-ids' })],
  [/^\/zkservers\/(\d{10,})$/, (sequence) => ({ kind: 'candidate', sequence })],
  [/^\/brokers\/ids\/(\d+)$/, brokerParser('live-broker')],
  [/^\/brokers\/registry\/(\d+)$/, brokerParser('registered-broker')],
  [/^\/config\/brokers\/(\d+)$/, brokerParser('broker-config')],
  [/^\/topics\/([^/]+)$/, (topic) => ({ kind: 'topic', topic })],
  [/^\/config\/topics\/([^/]+)$/, (topic) => ({ kind: 'topic-config', topic })],
  [/^\/topics\/([^/]+)\/partitions$/, () => ({ kind: 'parent' })],
  [/^\/topics\/([^/]+)\/partitions\/(\d+)$/, partitionParser('partition')],
  [/^\/admin\/reassignments\/([^/]+)-(\d+)$/, partitionParser('reassignment')],
  [/^\/admin\/deletions\/([^/]+)$/, (topicId) => ({ kind: 'deletion', topicId })],
  [/^\/admin\/switches\/([^/]+)$/, (topicId) => ({ kind: 'topic-switch', topicId })],
  [
    /^\/config\/clients\/([^/]+)$/,
    (name) => maybeUnescaped(name, (client) => ({ kind: 'client-config', client })),
  ],
  [/^\/acl\/([^/]+)$/, (name) => maybeUnescaped(name, (resource) => ({ kind: 'acl', resource }))],
  [
    /^\/tokens\/([^/]+)$/,
    (name) => maybeUnescaped(name, (tokenId) => ({ kind: 'token', tokenId })),
  ],
];

/** Undefined for what is not of our tree. */
export function parsePath(path: string): ParsedPath | undefined {
  if (persistentParents.includes(path)) return { kind: 'parent' };
  for (const [pattern, parse] of patterns) {
    const match = pattern.exec(path);
    if (match !== null) return parse(...match.slice(1));
  }
  return undefined;
}

/** The last part of a path: the name that `children` of its parent lists. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `/` for a path of one part. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** The path of a child that `children(parent)` named. */
export function childOf(parent: string, name: string): string {
  return parent === '/' ? `/${name}` : `${parent}/${name}`;
}

function segment(name: string): string {
  if (name === '' || name === '.' || name === '..' || !/^[^/\p{C}]+$/u.test(name)) {
    throw zhumqError('INVALID_REQUEST', `"${name}" can not be part of a path`, { name });
  }
  return name;
}

function integer(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw zhumqError('INVALID_REQUEST', `${value} can not be part of a path`, { value });
  }
  return String(value);
}

/** Names that users choose freely: everything but letters, digits, `_` and `-` becomes `%` and two digits. */
function escaped(name: string): string {
  return segment(encodeURIComponent(name).replace(/[.!'()*~]/g, (sign) => percent(sign)));
}

function percent(sign: string): string {
  return `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;
}

function maybeUnescaped(name: string, wrap: (text: string) => ParsedPath): ParsedPath | undefined {
  try {
    return wrap(decodeURIComponent(name));
  } catch {
    return undefined;
  }
}

function brokerParser(kind: 'live-broker' | 'registered-broker' | 'broker-config'): Parser {
  return (digits) => ({ kind, brokerId: Number(digits) });
}

function partitionParser(kind: 'partition' | 'reassignment'): Parser {
  return (topic, digits) => ({ kind, topic, partition: Number(digits) });
}
