// One frame after the other, by seed: good ones, hostile ones, bent ones, scrambled ones, noise. Every method of every
// contract comes round, whatever it is that serves it.
import type { Random } from '@zhumq/base';
import { ArgumentMaker } from './argument-maker.js';
import type { MethodSchema } from './contract.js';
import { bend, framed, noise, scramble, wrongLength } from './mutations.js';
import { walkFrame } from './frame-walk.js';
import { TakeoverGuard } from './takeover-guard.js';
import type { Vocabulary } from './vocabulary.js';
import { KIND, frameOf, struct, text } from './wire-value.js';
import type { ListValue, StructValue } from './wire-value.js';

export interface Frame {
  readonly bytes: Buffer;
  readonly recipe: Recipe;
  readonly method: string;
  /** It is no message, as far as can be told: what comes after it on the same connection is not read, or wrongly. */
  readonly ends: boolean;
}

export type Recipe =
  | 'valid'
  | 'hostile values'
  | 'bent'
  | 'scrambled'
  | 'answer'
  | 'wrong kind or name'
  | 'large'
  | 'reading'
  | 'wrong length'
  | 'noise';

/** Shares of a thousand; the rest is valid. */
const SHARES: readonly (readonly [Recipe, number])[] = [
  ...([
    ['hostile values', 250] as const,
    ['bent', 220] as const,
    ['scrambled', 220] as const,
  ] as const),
  ...([
    ['answer', 50] as const,
    ['wrong kind or name', 60] as const,
    ['large', 2] as const,
  ] as const),
  ...([['reading', 40] as const, ['wrong length', 12] as const, ['noise', 6] as const] as const),
];
const HOSTILITY = 0.25;
/** Calls that change nothing: they may name the topics that are checked at the end. */
export const READING_METHODS: readonly string[] = [
  ...['pull', 'listOffsets', 'backlogs', 'metadata', 'attach', 'describeReplicas'],
];

export class FrameMaker {
  private readonly values: ArgumentMaker;
  private readonly readers: ArgumentMaker;
  private readonly guard: TakeoverGuard;
  private readonly reading: readonly MethodSchema[];
  private last: Buffer = framed(Buffer.from('80010001', 'hex'));
  /** Each comes as often as the others: a shuffled deck, dealt to its end. */
  private deck: MethodSchema[] = [];

  constructor(
    private readonly random: Random,
    /** What the target serves. */
    private readonly served: readonly MethodSchema[],
    /** What it does not serve. */
    private readonly strange: readonly MethodSchema[],
    words: Vocabulary,
  ) {
    this.values = new ArgumentMaker(random, words);
    this.readers = new ArgumentMaker(random, words, words.checkedTopics);
    this.guard = new TakeoverGuard(words);
    this.reading = served.filter(({ name }) => READING_METHODS.includes(name));
  }

  next(): Frame {
    for (;;) {
      const made = this.make(this.recipe());
      if (!this.guard.allows(made.bytes)) continue;
      const frame = made.ends ? made : { ...made, ends: walkFrame(made.bytes) === undefined };
      if (frame.recipe !== 'reading') this.last = frame.bytes;
      return frame;
    }
  }

  /** A small good call, for many of them in a row. */
  small(): Buffer {
    for (;;) {
      const method = this.served[this.random.below(this.served.length)];
      const { bytes } = this.call('valid', method, 0);
      if (bytes.length < 300 && this.guard.allows(bytes)) return bytes;
    }
  }

  private recipe(): Recipe {
    let drawn = this.random.below(1000);
    for (const [recipe, share] of SHARES) {
      drawn -= share;
      if (drawn < 0) return recipe;
    }
    return 'valid';
  }

  private make(recipe: Recipe): Frame {
    const { random } = this;
    const method = this.deal();
    switch (recipe) {
      case 'hostile values':
        return this.call(recipe, method, HOSTILITY);
      case 'bent':
        return this.call(recipe, method, 0.05, (body) => bend(body, random));
      case 'scrambled': {
        const { bytes } = this.call(recipe, method, 0.05);
        const scrambled = scramble(bytes, random, () => this.last);
        return { bytes: scrambled, recipe, method: method.name, ends: false };
      }
      case 'answer':
        return this.answer(method);
      case 'wrong kind or name':
        return this.misnamed(method);
      case 'large':
        return this.large(method);
      case 'reading':
        return this.readingCall();
      case 'wrong length': {
        const { bytes } = this.call(recipe, method, 0);
        return { bytes: wrongLength(bytes, random), recipe, method: method.name, ends: true };
      }
      case 'noise':
        return { bytes: noise(random), recipe, method: '', ends: true };
      default:
        return this.call(recipe, method, 0);
    }
  }

  private call(
    recipe: Recipe,
    method: MethodSchema,
    hostility: number,
    change: (body: StructValue) => void = () => undefined,
    values = this.values,
  ): Frame {
    const body = values.arguments(method, hostility);
    change(body);
    const kind = method.oneway ? KIND.ONEWAY : KIND.CALL;
    const name = Buffer.from(method.name);
    const bytes = frameOf({ kind, name, sequenceId: this.sequenceId(), body });
    return { bytes, recipe, method: method.name, ends: false };
  }

  /** Answers to calls that nobody made, or that the server did make (push). */
  private answer(method: MethodSchema): Frame {
    const { random } = this;
    const body = this.values.result(method, HOSTILITY);
    if (random.below(3) === 0) bend(body, random);
    const kind = random.below(3) === 0 ? KIND.EXCEPTION : KIND.REPLY;
    const name = Buffer.from(method.name);
    const bytes = frameOf({ kind, name, sequenceId: this.sequenceId(), body });
    return { bytes, recipe: 'answer', method: method.name, ends: false };
  }

  private misnamed(method: MethodSchema): Frame {
    const { random } = this;
    const body = this.values.arguments(method, 0);
    const names = [
      ...[Buffer.alloc(0), Buffer.from(this.deal().name), Buffer.from(`${method.name}X`)],
      ...[Buffer.alloc(127, 'm'), Buffer.alloc(129, 'm'), Buffer.from('constructor')],
      ...[Buffer.from('__proto__'), Buffer.from([0xff, 0, 0xc3, 0x28])],
    ];
    const name =
      random.below(2) === 0 ? Buffer.from(method.name) : names[random.below(names.length)];
    const kind = random.below(256);
    const oneOfFour = 1 + (kind % 4);
    const bytes = frameOf({
      ...{ kind: random.below(4) === 0 ? kind : oneOfFour, name },
      ...{ sequenceId: this.sequenceId(), body },
    });
    return { bytes, recipe: 'wrong kind or name', method: method.name, ends: false };
  }

  /** Long names, long lists, long batches: as much as a frame may hold. */
  private large(method: MethodSchema): Frame {
    const { random } = this;
    const body = this.values.arguments(method, 0);
    const lists: ListValue[] = [];
    eachList(body, (list) => lists.push(list));
    const list = lists.at(random.below(Math.max(1, lists.length)));
    if (list !== undefined && list.items.length > 0 && random.below(4) > 0) {
      const wanted = 10 ** (3 + random.below(3));
      const items = [...list.items];
      while (list.items.length < wanted) list.items.push(...items);
    } else {
      const id = random.below(2) === 0 ? 1 : FIRST_UNKNOWN;
      body.fields.push({ id, value: text(Buffer.alloc(1 << (16 + random.below(8)), 'L')) });
    }
    const kind = method.oneway ? KIND.ONEWAY : KIND.CALL;
    const name = Buffer.from(method.name);
    const bytes = frameOf({ kind, name, sequenceId: this.sequenceId(), body });
    return { bytes, recipe: 'large', method: method.name, ends: bytes.length > SMALL_LIMIT };
  }

  private readingCall(): Frame {
    if (this.reading.length === 0) return this.call('valid', this.deal(), 0);
    const method = this.reading[this.random.below(this.reading.length)];
    const { random } = this;
    return this.call(
      'reading',
      method,
      random.below(2) === 0 ? 0 : HOSTILITY,
      undefined,
      this.readers,
    );
  }

  /** Mostly of a few, so that the same come again while they are in use. */
  private sequenceId(): number {
    const { random } = this;
    if (random.below(10) === 0) return [0, -1, 0x7fff_ffff, -0x8000_0000][random.below(4)];
    return 1 + random.below(40);
  }

  private deal(): MethodSchema {
    if (this.deck.length === 0) {
      this.deck = [...this.served, ...this.served, ...this.served, ...this.strange];
      for (let index = this.deck.length - 1; index > 0; index--) {
        const other = this.random.below(index + 1);
        [this.deck[index], this.deck[other]] = [this.deck[other], this.deck[index]];
      }
    }
    return this.deck.pop() ?? this.served[0];
  }
}

const FIRST_UNKNOWN = 91;
/** Frames beyond it may be beyond the limit of the server. */
const SMALL_LIMIT = 4 * 2 ** 20;

function eachList(body: StructValue, use: (list: ListValue) => void): void {
  for (const { value } of body.fields) {
    if (value.form === 'list') use(value);
    if (value.form === 'list')
      for (const item of value.items) if (item.form === 'struct') eachList(item, use);
    if (value.form === 'struct') eachList(value, use);
  }
}

/** A call without arguments whose answer tells that everything before it was read. */
export function probeFrame(sequenceId: number): Buffer {
  const name = Buffer.from(PROBE);
  return frameOf({ kind: KIND.CALL, name, sequenceId, body: struct() });
}

/** Served by brokers, unknown to zkservers: answered by both. */
export const PROBE = 'ping';
