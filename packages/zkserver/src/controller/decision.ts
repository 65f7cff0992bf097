// The words between the deciding (pure) and the doing (controller.ts): what happened, and what is to be written.
import type { StoreOperation } from '@zhumq/metadata';
import type { ReplicationMode } from '@zhumq/model';
import type { ElectionEvent } from '../election/events.js';
import type { Placer } from '../placement/placer.js';
import type { PlacementBroker } from '../placement/placer.js';
import type { SwitchEvent } from '../switch/switch-events.js';
import type { ClusterView } from '../view/cluster-view.js';

/** A topic that somebody wants; 0 partitions or replicas: the default. */
export interface TopicWish {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly mode: ReplicationMode;
  readonly config: Readonly<Record<string, string>>;
}

/** A broker says that it leads. */
export interface LeaderClaim {
  readonly topicId: string;
  readonly partition: number;
  readonly generation: number;
  readonly epoch: number;
  readonly broker: number;
  readonly incarnation: number;
  /** Identity of the intent that sealed the partition in that generation. */
  readonly sealedBy?: string | undefined;
}

export type Event =
  /** Something may have changed: repair what was cut off, write down who was seen. */
  | { readonly kind: 'look' }
  | { readonly kind: 'create-topic'; readonly wish: TopicWish }
  /** A broker needs a topic of zhumq's own. */
  | { readonly kind: 'internal-topic-wanted'; readonly name: string }
  | { readonly kind: 'delete-topic'; readonly name: string }
  /** An empty value takes a setting back to its default. */
  | {
      readonly kind: 'alter-topic';
      readonly name: string;
      readonly config: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'leaders-claimed'; readonly claims: readonly LeaderClaim[] }
  /** A broker holds nothing of these topics any more. */
  | {
      readonly kind: 'deletions-confirmed';
      readonly broker: number;
      readonly topicIds: readonly string[];
    }
  | { readonly kind: 'producer-ids-wanted' }
  | ElectionEvent
  | SwitchEvent;

/**
 * Operations for one multi: done together or not at all. Writes of one decision are done in order; after each of them
 * the store is consistent, so that it may be the last one before a crash.
 */
export type Write = readonly StoreOperation[];

/** Everything besides the view that a decision depends on. */
export interface DecisionInput {
  readonly controllerEpoch: number;
  /** A new random identity with each call. */
  readonly newId: () => string;
  /** Whether a broker that is not registered may be about to register again (registration-grace.ts). */
  readonly isAwaited: (broker: number) => boolean;
  /** The placer for these brokers; the same one again for the same brokers. */
  readonly placerFor: (brokers: readonly PlacementBroker[]) => Placer;
  readonly defaults: {
    readonly partitions: number;
    readonly replicationFactor: number;
    readonly maxPartitions: number;
    /** Of the internal topic of consumer groups. */
    readonly groupsPartitions: number;
    /** Partitions of one topic that are switched at once. */
    readonly switchParallel: number;
  };
}

/** Refuses by throwing a ZhumqError; then nothing is to be written. */
export type Decide<E extends Event['kind']> = (
  view: ClusterView,
  event: Extract<Event, { readonly kind: E }>,
  input: DecisionInput,
) => readonly Write[];
