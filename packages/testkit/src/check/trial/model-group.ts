// A group of the model, in one partition: it goes from member to member, by agreement or over the head of a zombie.
import type { GroupGeneration, Outcome } from '../../history/events.js';
import { take } from './model-consumer.js';
import type { ModelPartition } from './model-partition.js';
import type { Stage } from './stage.js';

interface Owner {
  readonly member: string;
  position: number;
}

export class ModelGroup {
  private owner: Owner | undefined;
  private zombie: Owner | undefined;
  /** What the cluster has, from when on. */
  private readonly committed: { readonly at: number; readonly offset: number }[] = [
    { at: -1, offset: -1 },
  ];
  private members = 0;
  private generation: GroupGeneration = [1, 0];
  private readonly tellsGenerations: boolean;

  constructor(
    private readonly stage: Stage,
    private readonly group: string,
    private readonly partition: ModelPartition,
  ) {
    this.tellsGenerations = stage.chance(0.6);
  }

  step(): void {
    const { stage } = this;
    const kind = stage.between(0, 9);
    if (this.owner === undefined && kind === 0) this.reset();
    else if (this.owner === undefined) this.assign();
    else if (kind < 5) this.poll(this.owner);
    else if (kind < 7) this.commit(this.owner);
    else if (kind === 7) this.tellPosition();
    else if (stage.chance(0.5)) this.giveUp(this.owner);
    else if (this.zombie === undefined && stage.chance(0.5)) this.takeAway(this.owner);
    if (this.zombie !== undefined && stage.chance(0.5)) this.stepZombie(this.zombie);
  }

  end(): void {
    if (this.zombie !== undefined) this.loseZombie(this.zombie);
    if (this.owner !== undefined) this.giveUp(this.owner);
    this.tellPosition();
  }

  onCut(from: number): void {
    for (const owner of [this.owner, this.zombie]) {
      if (owner === undefined || owner.position <= from) continue;
      owner.position = from;
      this.seek(owner);
    }
  }

  private get present(): number {
    return this.committed[this.committed.length - 1].offset;
  }

  private assign(): void {
    const { stage, group, partition } = this;
    const member = `${group}-m${this.members++}`;
    const [term, counter] = this.generation;
    this.generation = stage.chance(0.2) ? [term + 1, 1] : [term, counter + 1];
    const position = Math.min(Math.max(this.present, 0), partition.highWatermark);
    this.owner = { member, position };
    const granted = this.tellsGenerations ? { generation: this.generation } : {};
    stage.tell(member, { kind: 'assign', ...partition.place, group, member, ...granted });
  }

  /** Recorded before anybody could commit it. */
  private poll(owner: Owner): void {
    const { stage, group, partition } = this;
    const { member: consumer } = owner;
    if (owner.position < partition.logStart) {
      owner.position = partition.logStart;
      this.seek(owner);
    }
    const { records, position } = take(partition, owner.position, stage.between(1, 6));
    owner.position = position;
    if (records.length === 0) return;
    const event = { ...partition.place, consumer, group, records };
    stage.tellAtOnce(consumer, { kind: 'poll', ...event });
  }

  private commit({ member, position: offset }: Owner): void {
    const { stage } = this;
    const outcome: Outcome = stage.chance(0.8) ? 'ok' : stage.pick(['unknown', 'fail']);
    const invokedAt = stage.now;
    stage.step();
    if (outcome === 'ok' || (outcome === 'unknown' && stage.chance(0.5))) this.move(offset);
    this.tellCommit(member, offset, outcome, invokedAt);
  }

  private move(offset: number): void {
    this.committed.push({ at: this.stage.now, offset });
  }

  /** Any position that it had since somebody asked. */
  private tellPosition(): void {
    const { stage, group, partition } = this;
    const invokedAt = stage.now - stage.between(0, 8);
    const first = this.committed.findLastIndex(({ at }) => at < invokedAt);
    const { offset } = stage.pick(this.committed.slice(Math.max(first, 0)));
    stage.tell('admin', { kind: 'position', ...partition.place, group, offset, invokedAt });
  }

  private reset(): void {
    const { stage, group, partition } = this;
    const offset = stage.between(partition.logStart, partition.highWatermark);
    const outcome = stage.pick<Outcome>(['ok', 'ok', 'unknown', 'fail']);
    if (outcome === 'ok' || (outcome === 'unknown' && stage.chance(0.5))) this.move(offset);
    stage.tellAtOnce('admin', { kind: 'reset', ...partition.place, group, offset, outcome });
  }

  private giveUp(owner: Owner): void {
    const { group, stage, partition } = this;
    if (stage.chance(0.7)) this.commit(owner);
    const event = { ...partition.place, group, member: owner.member, lost: false };
    stage.tellAtOnce(owner.member, { kind: 'revoke', ...event });
    this.owner = undefined;
  }

  /** The coordinator takes it for dead; it does not know that. */
  private takeAway(owner: Owner): void {
    this.zombie = owner;
    this.assign();
  }

  private stepZombie(zombie: Owner): void {
    const { stage } = this;
    if (stage.chance(0.4)) this.poll(zombie);
    else if (stage.chance(0.5)) this.tellCommit(zombie.member, zombie.position, 'fail', stage.now);
    else this.loseZombie(zombie);
  }

  private loseZombie({ member }: Owner): void {
    const { stage, group, partition } = this;
    // One that crashed says nothing any more.
    const event = { ...partition.place, group, member, lost: true };
    if (stage.chance(0.7)) stage.tellAtOnce(member, { kind: 'revoke', ...event });
    this.zombie = undefined;
  }

  private tellCommit(member: string, offset: number, outcome: Outcome, invokedAt: number): void {
    const event = { ...this.partition.place, group: this.group, member, offset };
    this.stage.tell(member, { kind: 'commit', ...event, outcome, invokedAt });
  }

  private seek({ member: consumer }: Owner): void {
    this.stage.tellAtOnce(consumer, { kind: 'seek', ...this.partition.place, consumer });
  }
}
