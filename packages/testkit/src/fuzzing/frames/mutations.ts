// What is done to good messages: to their tree of values before they are written, and to their bytes afterwards.
import type { Random } from '@zhumq/base';
import { TYPE, integer, struct, text } from './wire-value.js';
import type { StructValue, WireValue } from './wire-value.js';

const TYPES = [...Object.values(TYPE), 1, 5, 7, 9, 16, 99, 255];
const COUNTS = [-1, 0, 1, 255, 65_536, 1 << 20, (1 << 20) + 1, 0x7fff_ffff, -0x8000_0000];
/** The limits of the reader: what is nested deeper is refused. */
const DEPTHS = [31, 33, 200, 5_000];
const FIRST_UNKNOWN_FIELD = 90;

type Place = { readonly owner: StructValue; readonly index: number };

/** Bends one place of a tree. */
export function bend(body: StructValue, random: Random): void {
  const places: Place[] = [];
  collect(body, places);
  if (places.length === 0) {
    body.fields.push({ id: random.below(5), value: strangeValue(random) });
    return;
  }
  const { owner, index } = places[random.below(places.length)];
  const field = owner.fields[index];
  switch (random.below(9)) {
    case 0:
      owner.fields.splice(index, 1);
      break;
    case 1:
      owner.fields.splice(index, 0, { ...field });
      break;
    case 2:
      field.value.type = TYPES[random.below(TYPES.length)];
      break;
    case 3:
      owner.fields[index] = { id: field.id, value: strangeValue(random) };
      break;
    case 4:
      owner.fields.push({ id: FIRST_UNKNOWN_FIELD + random.below(9), value: strangeValue(random) });
      break;
    case 5:
      field.id = random.below(2) === 0 ? random.below(12) : -random.below(40_000);
      break;
    case 6:
      owner.fields[index] = { id: field.id, value: nested(DEPTHS[random.below(DEPTHS.length)]) };
      break;
    case 7:
      owner.fields.reverse();
      break;
    default:
      lieAboutCounts(field.value, random);
  }
}

function lieAboutCounts(value: WireValue, random: Random): void {
  if (value.form === 'list') {
    if (random.below(2) === 0) value.itemType = TYPES[random.below(TYPES.length)];
    else value.count = COUNTS[random.below(COUNTS.length)];
  } else if (value.form === 'map') value.count = COUNTS[random.below(COUNTS.length)];
  else if (value.form === 'scalar' && value.type === TYPE.STRING) {
    value.bytes = Buffer.from(value.bytes);
    value.bytes.writeInt32BE(COUNTS[random.below(COUNTS.length)], 0);
  }
}

function collect(value: WireValue, places: Place[]): void {
  if (value.form === 'struct') {
    value.fields.forEach((field, index) => {
      places.push({ owner: value, index });
      collect(field.value, places);
    });
  } else if (value.form === 'list') for (const item of value.items) collect(item, places);
}

function strangeValue(random: Random): WireValue {
  switch (random.below(7)) {
    case 0:
      return integer(TYPE.I64, BigInt(random.below(2 ** 31)) << BigInt(random.below(33)));
    case 1:
      return text(Buffer.alloc(random.below(300), 'z'));
    case 2:
      return struct();
    case 3:
      return nested(3);
    case 4:
      return {
        ...{ form: 'list', type: TYPE.LIST, itemType: TYPES[random.below(TYPES.length)] },
        ...{ items: [], count: COUNTS[random.below(COUNTS.length)] },
      };
    case 5: {
      const [keyType, valueType] = [TYPES[random.below(TYPES.length)], TYPE.I32];
      const count = COUNTS[random.below(COUNTS.length)];
      return { form: 'map', type: TYPE.MAP, keyType, valueType, entries: [], count };
    }
    default:
      return integer(TYPE.BOOL, random.below(256));
  }
}

/** Structs within structs, written at once: they may lie deeper than a walk over a tree may go. */
function nested(depth: number): WireValue {
  const bytes = Buffer.alloc(depth * (FIELD_HEAD.length + 1) + 1);
  for (let level = 0; level < depth; level++) FIELD_HEAD.copy(bytes, level * FIELD_HEAD.length);
  return { form: 'scalar', type: TYPE.STRUCT, bytes };
}

const FIELD_HEAD = Buffer.from([TYPE.STRUCT, 0, 1]);

/** Changes bytes of a frame; its length is made right again, so that what stands behind it is not lost. */
export function scramble(frame: Buffer, random: Random, other: () => Buffer): Buffer {
  const content = Buffer.from(frame.subarray(4));
  const at = (): number => random.below(Math.max(1, content.length));
  switch (random.below(7)) {
    case 0:
    case 1: {
      const flips = 1 + random.below(4);
      for (let flip = 0; flip < flips; flip++) content[at()] ^= 1 << random.below(8);
      return framed(content);
    }
    case 2: {
      const start = at();
      const end = Math.min(content.length, start + 1 + random.below(8));
      content.fill([0, 0xff, 0x7f, 0x80][random.below(4)], start, end);
      return framed(content);
    }
    case 3: {
      const strange = other();
      const from = 4 + random.below(Math.max(1, strange.length - 4));
      return framed(Buffer.concat([content.subarray(0, at()), strange.subarray(from)]));
    }
    case 4:
      return framed(content.subarray(0, at()));
    case 5: {
      const start = at();
      return framed(
        Buffer.concat([content.subarray(0, start), content.subarray(start + 1 + at())]),
      );
    }
    default: {
      const start = at();
      const more = Buffer.alloc(1 + random.below(16), random.below(256));
      return framed(Buffer.concat([content.subarray(0, start), more, content.subarray(start)]));
    }
  }
}

export function framed(content: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(content.length + 4);
  frame.writeInt32BE(content.length);
  content.copy(frame, 4);
  return frame;
}

/** Beyond the limits of both kinds of servers, or just at them. */
const LENGTHS = [
  ...[0, -1, -0x8000_0000, 0x7fff_ffff, 1, 3, 7, 64 * 2 ** 20 + 1, 64 * 2 ** 20],
  ...[16 * 2 ** 20 + 1, 17 * 2 ** 20, 0x1000_0001],
];

/** The same content under a length that is not its own: whatever follows is read in another way. */
export function wrongLength(frame: Buffer, random: Random): Buffer {
  const lying = Buffer.from(frame);
  const near = frame.length - 4 + random.below(9) - 4;
  lying.writeInt32BE(random.below(4) === 0 ? near : LENGTHS[random.below(LENGTHS.length)], 0);
  return lying;
}

const HELLO = Buffer.from('16030102000100fc0303', 'hex');
const OTHERS = [
  Buffer.from('GET / HTTP/1.1\r\nHost: zhumq\r\n\r\n'),
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'),
  Buffer.from('\0\0\0\x01\x82\x21\x01\x02'),
  Buffer.from('*1\r\n$4\r\nPING\r\n'),
];

/** Bytes that are no frame: of other protocols, or of none. */
export function noise(random: Random): Buffer {
  if (random.below(3) === 0) return OTHERS[random.below(OTHERS.length)];
  const bytes = Buffer.alloc(1 + random.below(512));
  for (let index = 0; index < bytes.length; index++) bytes[index] = random.below(256);
  return random.below(2) === 0 ? bytes : Buffer.concat([HELLO, bytes]);
}
