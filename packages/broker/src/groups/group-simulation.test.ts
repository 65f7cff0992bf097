// Random histories of a group with slow, crashed and zombie members and changes of coordinator; the checker looks at every
// commit, and at the end a calm group must have a reader for every partition. A failure names its seed.
import { SimGroups } from '../testing/groups/sim-groups.js';
import { RIGHT_WAYS } from '../testing/groups/sim-coordinator.js';
import type { Ways } from '../testing/groups/sim-coordinator.js';
import { NO_EPOCH } from './epochs.js';
import { GroupDraft } from './group-draft.js';
import type { Position } from './group.js';
import { GroupsState } from './groups-state.js';
import { heartbeat } from './heartbeat.js';
import { commitPositions } from './positions.js';

const STEPS = 1_500;
const totals = { grants: 0, commits: 0, moves: 0, elections: 0 };
const refusals = new Map<string, number>();

function run(seed: number, ways: Ways = RIGHT_WAYS): void {
  const sim = new SimGroups(seed, ways);
  try {
    sim.run(STEPS);
  } catch (error) {
    throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
  }
  totals.grants += sim.checker.grants;
  totals.commits += sim.checker.commits;
  totals.moves += sim.checker.moves;
  totals.elections += sim.elections;
  for (const [code, count] of sim.refusals) refusals.set(code, (refusals.get(code) ?? 0) + count);
}

test.each([0, 1, 2])('a group keeps every promise and comes to rest: fifty %i', (fifty) => {
  for (let seed = fifty * 50; seed < (fifty + 1) * 50; seed += 1) run(seed);
});

test('the histories reach what they are for', () => {
  expect(totals.grants).toBeGreaterThan(1_000);
  expect(totals.commits).toBeGreaterThan(1_000);
  expect(totals.moves).toBeGreaterThan(1_000);
  expect(totals.elections).toBeGreaterThan(1_000);
  for (const code of ['FENCED_MEMBER', 'UNKNOWN_MEMBER', 'NOT_OWNED', 'POSITION_BEHIND']) {
    expect(refusals.get(code) ?? 0).toBeGreaterThan(20);
  }
});

test('a snapshot of what came of it gives the same state', () => {
  for (let seed = 0; seed < 20; seed += 1) {
    const sim = new SimGroups(seed);
    sim.run(200);
    const restored = new GroupsState();
    for (const record of sim.checker.state.snapshot()) restored.apply(record);
    expect(restored).toEqual(sim.checker.state);
    expect([...restored.snapshot()]).toEqual([...sim.checker.state.snapshot()]);
  }
});

/** Sees no owners but the member's own. */
class GrabbingDraft extends GroupDraft {
  override ownership(): ReadonlyMap<string, string> {
    return new Map();
  }
}

class ForgetfulDraft extends GroupDraft {
  override position(): Position | undefined {
    return undefined;
  }
}

const wrongWays: readonly [string, Partial<Ways>, RegExp][] = [
  [
    'partitions are granted before their owners let go',
    { newDraft: (name, group) => new GrabbingDraft(name, group) },
    /at once/,
  ],
  ['heartbeats are answered before the commit', { answersBeforeCommit: true }, /gives it not/],
  [
    'two rounds are decided on one state',
    { decidesMeanwhile: true },
    /at once|in one epoch|epoch|accepted|gives it not|went back/,
  ],
  [
    'what a member does not report counts as released although it heard of nothing',
    {
      heartbeat: (draft, request, moment) => {
        const memberEpoch = draft.members.get(request.memberId)?.epoch ?? request.memberEpoch;
        return heartbeat(draft, { ...request, memberEpoch }, moment);
      },
    },
    /gives it not/,
  ],
  [
    'a join that is repeated makes another member',
    {
      heartbeat: (draft, request, moment) => {
        const isJoin = request.memberEpoch === undefined && !request.leaving;
        if (!isJoin || !draft.members.has(request.memberId)) {
          return heartbeat(draft, request, moment);
        }
        const memberId = `${request.memberId}-${draft.members.size}`;
        return heartbeat(draft, { ...request, memberId }, moment);
      },
    },
    /a member that nobody is/,
  ],
  [
    'what a former life was told counts in the next one under the same id',
    {
      heartbeat: (draft, request, moment) => {
        const answer = heartbeat(draft, request, moment);
        const member = draft.members.get(request.memberId);
        if (member !== undefined) draft.putMember({ ...member, joined: NO_EPOCH });
        return answer;
      },
    },
    /gives it not/,
  ],
  [
    'commits are taken in any epoch',
    {
      commitPositions: (draft, request, moment) => {
        const memberEpoch = draft.members.get(request.memberId)?.epoch ?? request.memberEpoch;
        return commitPositions(draft, { ...request, memberEpoch }, moment);
      },
    },
    /stale epoch was accepted/,
  ],
  [
    'positions may go back',
    { newDraft: (name, group) => new ForgetfulDraft(name, group) },
    /went back/,
  ],
];

test.each(wrongWays)('the checker sees it when %s', (_, wrong, complaint) => {
  const complaints: string[] = [];
  for (let seed = 0; seed < 40 && complaints.length === 0; seed += 1) {
    try {
      new SimGroups(seed, { ...RIGHT_WAYS, ...wrong }).run(STEPS);
    } catch (error) {
      complaints.push(String(error));
    }
  }
  expect(complaints.join()).toMatch(complaint);
});
