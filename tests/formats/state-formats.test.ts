// The persisted messages: their bytes stay, their values survive, and no bytes crash a reader.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { ZhumqError } from '@zhumq/base';
import { golden } from './golden-file.js';
import { stateSamples } from './state-samples.js';
import type { StateSample } from './state-samples.js';

const byName = stateSamples.map((one): [string, StateSample] => [one.codec.name, one]);
const proto = readFileSync(path.resolve(__dirname, '../../idl/state.proto'), 'utf8');

/** Values of the same shape: whoever reads a sample's bytes reads these. */
function like(sample: unknown, name = ''): fc.Arbitrary<unknown> {
  if (name === 'config')
    return fc.dictionary(fc.string({ maxLength: 5 }), fc.string(), { maxKeys: 3 });
  if (sample === 'raft' || sample === 'fetch') return fc.constantFrom('raft', 'fetch');
  switch (typeof sample) {
    case 'string':
      return fc.string({ minLength: 1, unit: 'grapheme' });
    case 'boolean':
      return fc.boolean();
    case 'number':
      return name === 'weight'
        ? fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 })
        : fc.nat(0x7fffffff);
    default:
  }
  if (Array.isArray(sample)) return fc.array(like(sample[0]), { maxLength: 3 });
  return fc.record(
    Object.fromEntries(
      Object.entries(sample as object).map(([key, value]) => [key, like(value, key)]),
    ),
    { noNullPrototype: true },
  );
}

test('every message of idl/state.proto has a codec', () => {
  const declared = [...proto.matchAll(/^message (\w+)/gm)].map(([, name]) => name);
  expect(byName.map(([name]) => name).sort()).toEqual(declared.sort());
});

describe.each(byName)('%s', (name, { codec, value }) => {
  test('has the bytes it always had', () => {
    const bytes = codec.encode(value);
    expect(bytes.toString('hex')).toBe(golden(`state-${name}`, bytes).toString('hex'));
    expect(codec.decode(bytes)).toEqual(value);
  });

  test('comes back as it went', () => {
    fc.assert(
      fc.property(like(value), (any) => {
        expect(codec.decode(codec.encode(any as object))).toEqual(any);
      }),
    );
  });

  test('passes over fields of a later version', () => {
    const later = Buffer.concat([codec.encode(value), Buffer.from('fa7f03616263', 'hex')]);
    expect(codec.decode(later)).toEqual(value);
  });

  test('is not read from bytes that are cut or changed without a typed error', () => {
    const bytes = codec.encode(value);
    const attempt = (changed: Uint8Array): void => {
      try {
        codec.decode(changed, 'INVALID_REQUEST');
      } catch (error) {
        expect(error).toBeInstanceOf(ZhumqError);
        expect(error).toMatchObject({ code: 'INVALID_REQUEST', context: { message: name } });
      }
    };
    for (let length = 0; length < bytes.length; length++) attempt(bytes.subarray(0, length));
    for (let position = 0; position < bytes.length; position++) {
      const changed = Buffer.from(bytes);
      changed[position] ^= 0xff;
      attempt(changed);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), attempt));
  });
});
