// Cuts a byte stream into ZooKeeper packets: 4 bytes of length, big-endian, then the packet. The library does this by
// recursion with a copy per packet, and keeps half a packet beyond its connection (pitfall 4).

/** More than any answer that a server with a sane jute.maxbuffer sends. */
const PACKET_BYTES_LIMIT = 64 * 1024 * 1024;

export class FrameSplitter {
  private chunks: Buffer[] = [];
  private bytes = 0;
  private wanted = 4;

  /** Packets with their length, in order. Throws when a length can not be one. */
  *push(chunk: Buffer): Generator<Buffer> {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    while (this.bytes >= this.wanted) {
      const joined = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks);
      this.chunks = [joined];
      const length = joined.readInt32BE(0);
      if (length < 0 || length > PACKET_BYTES_LIMIT) throw new Error(`packet of ${length} bytes`);
      this.wanted = length + 4;
      if (this.bytes < this.wanted) return;
      const packet = joined.subarray(0, this.wanted);
      const rest = joined.subarray(this.wanted);
      this.chunks = rest.length === 0 ? [] : [rest];
      this.bytes = rest.length;
      this.wanted = 4;
      yield packet;
    }
  }

  reset(): void {
    this.chunks = [];
    this.bytes = 0;
    this.wanted = 4;
  }
}
