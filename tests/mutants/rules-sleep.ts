// Rule 21 taken out. See rules.ts.
import type { Mutant } from '@zhumq/testkit';

const once = (scenario: string) => ({ scenario, seed: 1, seeds: 1 });

export const sleepRuleMutants: readonly Mutant[] = [
  {
    id: 'rule-21-failed-replica-of-a-sleeping-leader',
    says: 'Any beat of the broker of the leader keeps a group asleep, whatever the broker leads.',
    source: 'protocol rule 21',
    file: 'packages/broker/src/replication/raft/hibernation.ts',
    find: '    if (peer.followed.equals(led)) {',
    replace: '    if (led.groups >= 0) {',
    run: once('rule-21-failed-replica-of-a-sleeping-leader'),
  },
  {
    id: 'rule-21-leader-dies-while-all-sleep',
    says: 'Who sleeps does not notice that beats fail to come.',
    source: 'protocol rule 21',
    file: 'packages/broker/src/replication/raft/hibernation.ts',
    find: '      } else if (++peer.silentBeats > this.options.patience) {',
    replace: '      } else if (peer.silentBeats > this.options.patience) {',
    run: once('rule-21-leader-dies-while-all-sleep'),
  },
  {
    id: 'rule-21-sleeping-leader-has-no-lease',
    says: 'A leader that sleeps takes it for granted that it still leads.',
    source: 'protocol rule 21',
    file: 'packages/raft/src/leader.ts',
    find: `  readIndex(id: number): void {
    this.wake();`,
    replace: `  readIndex(id: number): void {
    if (this.sleep.asleep) {
      this.replica.outbox.add({ kind: 'readConfirmed', id, offset: this.replica.commit });
      return;
    }`,
    run: once('rule-21-sleeping-leader-has-no-lease'),
  },
];
