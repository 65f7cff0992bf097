// A process of the plain pipe: takes its role from its parent.
import { PipeProducer, follow, lead } from './roles.js';
import type { PipeLoad, PipeShape } from './roles.js';

export type CeilingOrder =
  | { readonly role: 'follower'; readonly file: string; readonly shape: PipeShape }
  | {
      readonly role: 'leader';
      readonly file: string;
      readonly shape: PipeShape;
      readonly followers: readonly number[];
    }
  | { readonly role: 'producer'; readonly load: PipeLoad }
  | { readonly role: 'measure' | 'result' };

export type CeilingReport =
  | { readonly port: number }
  | { readonly messagesPerSecond: number; readonly latency: Float64Array };

let producer: PipeProducer | undefined;

async function obey(order: CeilingOrder): Promise<CeilingReport | undefined> {
  switch (order.role) {
    case 'follower':
      return { port: await follow(order.file, order.shape) };
    case 'leader':
      return { port: await lead(order.file, order.shape, order.followers) };
    case 'producer':
      producer = new PipeProducer(order.load);
      return { port: order.load.port };
    case 'measure':
      producer?.measure();
      return undefined;
    case 'result':
      return producer?.result();
  }
}

process.on('message', (order: CeilingOrder) => {
  void obey(order).then((report) => {
    if (report !== undefined) process.send?.(report);
  });
});
process.on('disconnect', () => process.exit());
