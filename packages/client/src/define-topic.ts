// Names a topic together with the types of what is in it.
import type { Codec, Topic } from './api/topic.js';
import { bytes, string } from './codecs.js';

/** A typed topic. Keys are strings and values bytes unless codecs say otherwise. */
export function defineTopic<
  KeyIn = string,
  ValueIn = Uint8Array,
  KeyOut = KeyIn,
  ValueOut = ValueIn extends Uint8Array ? Buffer : ValueIn,
>(
  name: string,
  codecs: { readonly key?: Codec<KeyIn, KeyOut>; readonly value?: Codec<ValueIn, ValueOut> } = {},
): Topic<KeyIn, ValueIn, KeyOut, ValueOut> {
  return Object.freeze({
    name,
    key: codecs.key ?? (string() as unknown as Codec<KeyIn, KeyOut>),
    value: codecs.value ?? (bytes() as unknown as Codec<ValueIn, ValueOut>),
  });
}
