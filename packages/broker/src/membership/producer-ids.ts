// Hands out producer identities from blocks that the zkserver allocates, so that a producer's start costs no write to
// the metadata store.
import type { ProducerIdBlock, ProducerIdentity } from '@zhumq/rpc';
import { zhumqError } from '@zhumq/model';

export class ProducerIds {
  private next = 0;
  private end = 0;
  private fetching: Promise<void> | undefined;

  constructor(private readonly allocate: () => Promise<ProducerIdBlock>) {}

  async initProducer(): Promise<ProducerIdentity> {
    while (this.next >= this.end) {
      this.fetching ??= this.fetch().finally(() => (this.fetching = undefined));
      await this.fetching;
    }
    return { producerId: this.next++, producerEpoch: 0 };
  }

  private async fetch(): Promise<void> {
    const block = await this.allocate();
    if (block.count < 1)
      throw zhumqError('INTERNAL', 'the zkserver allocated an empty block of producer ids');
    this.next = block.first;
    this.end = block.first + block.count;
  }
}
