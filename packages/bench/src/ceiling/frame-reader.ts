// Cuts a stream of bytes into frames of one size.

export function readFrames(
  bytes: number,
  onFrame: (frame: Buffer) => void,
): (chunk: Buffer) => void {
  let held: Buffer[] = [];
  let length = 0;
  return (chunk) => {
    held.push(chunk);
    length += chunk.length;
    while (length >= bytes) {
      const joined = held.length === 1 ? held[0] : Buffer.concat(held, length);
      onFrame(joined.subarray(0, bytes));
      const rest = joined.subarray(bytes);
      held = rest.length > 0 ? [rest] : [];
      length = rest.length;
    }
  };
}

/** Counts in the other direction: each is how many more frames are done. */
export function readCounts(onCount: (frames: number) => void): (chunk: Buffer) => void {
  return readFrames(4, (frame) => onCount(frame.readUInt32BE(0)));
}

export function countFrame(frames: number): Buffer {
  const frame = Buffer.allocUnsafe(4);
  frame.writeUInt32BE(frames);
  return frame;
}
