// Keys, values and headers in JSON: text where they are UTF-8, base64 where not.
import { isUtf8 } from 'node:buffer';

/** Text, nothing, or bytes that are no UTF-8. */
export type JsonBytes = string | null | { readonly base64: string };

export function jsonBytes(bytes: Buffer | null): JsonBytes {
  if (bytes === null) return null;
  return isUtf8(bytes) ? bytes.toString('utf8') : { base64: bytes.toString('base64') };
}
