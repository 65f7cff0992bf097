// The optional native modules. Everything works without them (docs/decisions: native code is never required), so a
// missing or broken one is no error. ZHUMQ_NATIVE=0 in the environment turns them off, e.g. to test without.
import { createRequire } from 'node:module';

/** `@node-rs/crc32`. */
export interface NativeCrc {
  crc32c(input: Uint8Array, initial?: number): number;
}

/** `lz4-napi`; the frame functions speak the standard LZ4 frame format. */
export interface NativeLz4 {
  compressFrame(data: Uint8Array): Promise<Buffer>;
  decompressFrame(data: Uint8Array): Promise<Buffer>;
}

const requireModule = createRequire(__filename);

export function loadNativeCrc(): NativeCrc | undefined {
  return load('@node-rs/crc32') as NativeCrc | undefined;
}

export function loadNativeLz4(): NativeLz4 | undefined {
  return load('lz4-napi') as NativeLz4 | undefined;
}

function load(name: string): unknown {
  if (process.env.ZHUMQ_NATIVE === '0') return undefined;
  try {
    return requireModule(name) as unknown;
  } catch {
    return undefined;
  }
}
