// The nodes of the embedded store, with ZooKeeper's rules. No sessions, no input or output: operations in, outcome and
// effects out.
import { assertNever } from '@zhumq/base';
import type { MultiDone, NodeStat, RefusalReason, Refused, StoreNode } from './metadata-store.js';
import type { StoreOperation } from './metadata-store.js';
import { nameOf, parentOf } from './paths.js';

interface TreeNode {
  data: Buffer;
  version: number;
  readonly owner: string | undefined;
  readonly children: Set<string>;
  /** Number of the next sequential child. */
  nextSequence: number;
}

/** A change that was made; what watches look at and the journal writes down. */
export type Effect =
  | { readonly kind: 'created' | 'changed'; readonly path: string; readonly node: StoreNode }
  | { readonly kind: 'deleted'; readonly path: string; readonly owner: string | undefined }
  | { readonly kind: 'counted'; readonly path: string; readonly nextSequence: number };

export interface Applied extends MultiDone {
  readonly effects: readonly Effect[];
}

/** Carries a refusal out of the middle of a multi. */
class Refusal extends Error {
  constructor(readonly reason: RefusalReason) {
    super(reason);
  }
}

const SEQUENCE_DIGITS = 10;

export class EmbeddedTree {
  private readonly nodes = new Map<string, TreeNode>([['/', emptyNode()]]);
  /** What takes back each step of the multi under way, last first. */
  private undo: (() => void)[] = [];
  private effects: Effect[] = [];

  get(path: string): StoreNode | undefined {
    const node = this.nodes.get(path);
    return node && { data: Buffer.from(node.data), version: node.version, owner: node.owner };
  }

  stat(path: string): NodeStat | undefined {
    const node = this.nodes.get(path);
    return node && { version: node.version, owner: node.owner };
  }

  children(path: string): string[] | undefined {
    const node = this.nodes.get(path);
    return node && [...node.children].sort();
  }

  /** Paths of the nodes that a session owns. They have no children. */
  ownedBy(owner: string): string[] {
    return [...this.nodes].filter(([, node]) => node.owner === owner).map(([path]) => path);
  }

  /** All or nothing. Each operation sees what those before it did. */
  apply(operations: readonly StoreOperation[], owner: string): Applied | Refused {
    this.undo = [];
    this.effects = [];
    const results: { path?: string; version?: number }[] = [];
    for (const [index, operation] of operations.entries()) {
      try {
        results.push(this.step(operation, owner));
      } catch (error) {
        for (const step of this.undo.reverse()) step();
        if (!(error instanceof Refusal)) throw error;
        return { ok: false, reason: error.reason, path: operation.path, index };
      }
    }
    return { ok: true, results, effects: this.effects };
  }

  /** Every persistent node, parents first, as effects that make the tree again. */
  *persistent(): Generator<Effect> {
    const paths = [...this.nodes.keys()].sort();
    for (const path of paths) {
      const { data, version, owner, nextSequence } = this.nodes.get(path) as TreeNode;
      if (owner !== undefined) continue;
      const kind = path === '/' ? 'changed' : 'created';
      yield { kind, path, node: { data, version, owner } };
      if (nextSequence > 0) yield { kind: 'counted', path, nextSequence };
    }
  }

  /** Makes an effect of an earlier life, or of another tree, again. */
  restore(effect: Effect): void {
    const { path } = effect;
    switch (effect.kind) {
      case 'created':
      case 'changed': {
        const { data, version, owner } = effect.node;
        const node = this.nodes.get(path);
        if (node === undefined) this.insert(path, { ...emptyNode(), data, version, owner });
        else Object.assign(node, { data, version });
        return;
      }
      case 'deleted':
        this.remove(path);
        return;
      case 'counted':
        this.need(path).nextSequence = effect.nextSequence;
        return;
      default:
        assertNever(effect);
    }
  }

  private step(operation: StoreOperation, owner: string): { path?: string; version?: number } {
    switch (operation.kind) {
      case 'check':
        this.needVersion(operation.path, operation.version);
        return {};
      case 'create':
        return { path: this.create(operation, owner) };
      case 'set':
        return { version: this.set(operation) };
      case 'delete':
        this.delete(operation);
        return {};
      default:
        return assertNever(operation);
    }
  }

  private create(operation: StoreOperation & { kind: 'create' }, owner: string): string {
    // The root is its own parent: it exists.
    if (operation.path === '/') throw new Refusal('node-exists');
    const parentPath = parentOf(operation.path);
    const parent = this.need(parentPath);
    let { path } = operation;
    if (operation.sequential === true) {
      const sequence = parent.nextSequence++;
      this.undo.push(() => (parent.nextSequence = sequence));
      path += String(sequence).padStart(SEQUENCE_DIGITS, '0');
      this.effects.push({ kind: 'counted', path: parentPath, nextSequence: sequence + 1 });
    }
    if (this.nodes.has(path)) throw new Refusal('node-exists');
    if (parent.owner !== undefined) throw new Refusal('ephemeral-parent');
    const data = Buffer.from(operation.data);
    const nodeOwner = operation.ephemeral === true ? owner : undefined;
    this.insert(path, { ...emptyNode(), data, owner: nodeOwner });
    this.undo.push(() => this.remove(path));
    this.effects.push({ kind: 'created', path, node: { data, version: 0, owner: nodeOwner } });
    return path;
  }

  private set(operation: StoreOperation & { kind: 'set' }): number {
    const node = this.needVersion(operation.path, operation.version);
    const { data: oldData, version: oldVersion } = node;
    this.undo.push(() => Object.assign(node, { data: oldData, version: oldVersion }));
    node.data = Buffer.from(operation.data);
    node.version++;
    const { data, version, owner } = node;
    this.effects.push({ kind: 'changed', path: operation.path, node: { data, version, owner } });
    return version;
  }

  private delete({ path, version }: StoreOperation & { kind: 'delete' }): void {
    const node = this.needVersion(path, version);
    if (node.children.size > 0) throw new Refusal('not-empty');
    this.remove(path);
    this.undo.push(() => this.insert(path, node));
    this.effects.push({ kind: 'deleted', path, owner: node.owner });
  }

  private need(path: string): TreeNode {
    const node = this.nodes.get(path);
    if (node === undefined) throw new Refusal('node-missing');
    return node;
  }

  private needVersion(path: string, version: number): TreeNode {
    const node = this.need(path);
    if (node.version !== version) throw new Refusal('version-conflict');
    return node;
  }

  private insert(path: string, node: TreeNode): void {
    this.need(parentOf(path)).children.add(nameOf(path));
    this.nodes.set(path, node);
  }

  private remove(path: string): void {
    this.nodes.delete(path);
    this.nodes.get(parentOf(path))?.children.delete(nameOf(path));
  }
}

/** Which watches an effect wakes. */
export function touchedBy(effect: Effect): { readonly nodes: string[]; readonly lists: string[] } {
  const { kind, path } = effect;
  if (kind === 'counted') return { nodes: [], lists: [] };
  if (kind === 'changed') return { nodes: [path], lists: [] };
  // A watch on the children of a missing node waits for the node, one on an existing node for its end.
  return { nodes: [path], lists: [path, parentOf(path)] };
}

function emptyNode(): TreeNode {
  return {
    data: Buffer.alloc(0),
    version: 0,
    owner: undefined,
    children: new Set(),
    nextSequence: 0,
  };
}
