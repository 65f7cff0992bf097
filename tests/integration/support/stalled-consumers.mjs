// Many push consumers in a process of their own that take nothing. Its argument is a JSON object: the broker's port, the topic
// and the ends of its partitions, how many there are to be, and the kind. 'credit': each is sent what its credit allows and gives
// none back. 'socket': each grants plenty, and reads nothing of what comes. All of them go on saying that they are alive.
// Says "attached" when all are; ends with its standard input.
import { connect } from 'node:net';
import { SeededRandom } from '@zhumq/base';
import { connectChannel, consumerService, deliveryClient } from '@zhumq/rpc';

const { port, topic, ends, count, kind, seed } = JSON.parse(process.argv[2]);
const windowBytes = kind === 'credit' ? 256 * 1024 : 1024 * 1024 * 1024;
const ATTACHMENT = 1;
const HEARTBEAT_MS = 2_000;
/** Connections being made at a time. */
const LANES = 20;
const random = new SeededRandom(seed);

const ignored = () => undefined;
const service = consumerService({
  deliver: ignored,
  ping: ignored,
  detach: (_topic, partition, reason) => console.error(`detached from ${partition}`, reason),
  attachmentClosed: (_attachment, reason) => console.error('closed', reason),
});

const clients = [];

async function attach() {
  let socket;
  const channel = connectChannel({
    ...{ host: '127.0.0.1', port, services: [service], callTimeoutMs: 60_000 },
    socketFactory: () => (socket = connect(port, '127.0.0.1')),
    onLost: (error) => console.error('lost', error),
  });
  const client = deliveryClient(channel);
  const partition = random.below(ends.length);
  // Each somewhere else: what the broker holds for one it does not hold for another anyway.
  const offset = random.below(Math.floor(ends[partition] / 2));
  const place = { topic, partition, stretch: 1, offset, lastEpoch: -1, windowBytes };
  const { partitions } = await client.attach({ attachment: ATTACHMENT, partitions: [place] });
  if (partitions[0].failure !== undefined) throw new Error(JSON.stringify(partitions[0]));
  if (kind === 'socket') socket.pause();
  clients.push(client);
}

setInterval(() => {
  for (const client of clients) client.grantCredit(ATTACHMENT, []);
}, HEARTBEAT_MS);
process.stdin.resume();
process.stdin.once('end', () => process.exit(0));

let begun = 0;
const lane = async () => {
  while (begun++ < count) await attach();
};
await Promise.all(Array.from({ length: LANES }, lane));
console.log('attached');
