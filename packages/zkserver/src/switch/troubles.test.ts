import { zhumqError } from '@zhumq/model';
import { FetchWorld } from '../testing/fetch-world.js';
import { Troubles } from './troubles.js';

const RAFT = { mode: 'raft', isr: [], voters: ['r1', 'r2', 'r3'] } as const;

function textOf(world: FetchWorld, troubles: Troubles, phase = 'seal'): string {
  return troubles.text(world.view, world.record, phase);
}

test('the dead are named where a majority is waited for', () => {
  for (const record of [{}, RAFT]) {
    const world = new FetchWorld(record);
    world.live(2);
    expect(textOf(world, new Troubles())).toBe(
      'only 1 of its 3 replicas are on live brokers and 2 must be (not alive: brokers 1, 3)',
    );
  }
});

test('who does not lead is not blamed while another one has said more', () => {
  const world = new FetchWorld(RAFT);
  world.live(1, 2);
  const troubles = new Troubles();
  troubles.failed(1, zhumqError('NOT_LEADER', 'not me'));
  expect(textOf(world, troubles)).toBe('no replica said that it leads; not alive: broker 3');
  troubles.failed(1, zhumqError('TIMEOUT', 'a majority is slow'));
  troubles.failed(2, zhumqError('NOT_LEADER', 'not me'));
  expect(textOf(world, troubles)).toBe(
    'broker 1 could not seal it: TIMEOUT: a majority is slow; not alive: broker 3',
  );
});

test('who did not close is named, with what it said', () => {
  const world = new FetchWorld(RAFT);
  const troubles = new Troubles();
  troubles.answered(1);
  troubles.begin();
  troubles.answered(2);
  troubles.failed(3, zhumqError('REPLICA_FAILED', 'its disk is gone'));
  expect(textOf(world, troubles, 'close')).toBe(
    '1 of its 3 voters were closed, of 2 that must be; broker 3: REPLICA_FAILED: its disk is gone',
  );
});
