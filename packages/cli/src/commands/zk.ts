// zhumq zk dump: the metadata store as a zkserver sees it, ZooKeeper or the embedded one.
import { UsageError } from '../exit-codes.js';
import { textOf } from '../arguments.js';
import { ADMIN_OPTIONS, withClient } from '../client-session.js';
import { noun } from '../command-tree.js';
import type { Verb } from '../command-tree.js';
import { EXIT } from '../exit-codes.js';
import { OUTPUT_OPTION, formatOf, isJson, printRows, printTable } from '../output.js';

const dumpStore: Verb = {
  usage: 'dump [path]',
  describe: 'Show the metadata store below a path',
  positionals: { path: { describe: 'Path below the chroot', default: '/' } },
  options: { ...ADMIN_OPTIONS, ...OUTPUT_OPTION },
  examples: [['zk dump /topics', 'what is recorded of topics and partitions']],
  async run(flags) {
    const path = textOf(flags, 'path') ?? '/';
    if (!path.startsWith('/')) throw new UsageError(`A path begins with "/"; "${path}" does not`);
    const nodes = await withClient(flags, 'the metadata store', (client, call) =>
      client.admin().dumpStore(path, call),
    );
    const format = formatOf(flags);
    if (isJson(format)) printRows(format, nodes, []);
    else
      printTable(format, nodes, [
        { title: 'PATH', value: (node) => node.path },
        { title: 'VERSION', value: (node) => node.version },
        { title: 'OWNED', value: (node) => (node.ephemeral ? 'session' : '') },
        { title: 'DATA', value: (node) => dataText(node.data, format === 'wide' ? Infinity : 60) },
      ]);
    return EXIT.ok;
  },
};

export const zkCommand = noun('zk', 'Look into the metadata store', [dumpStore]);

function dataText(data: unknown, limit: number): string {
  const text = data === null || data === undefined ? '' : JSON.stringify(data);
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}
