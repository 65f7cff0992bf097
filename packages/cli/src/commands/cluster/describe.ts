// zhumq cluster describe: zkservers and brokers.
import { ADMIN_OPTIONS, withClient } from '../../client-session.js';
import type { Verb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { OUTPUT_OPTION, formatOf, isJson, print, printTable } from '../../output.js';

export const describeCluster: Verb = {
  usage: 'describe',
  aliases: ['info'],
  describe: 'Show the zkservers and brokers',
  options: { ...ADMIN_OPTIONS, ...OUTPUT_OPTION },
  examples: [['cluster describe', 'addresses, and which servers are alive']],
  async run(flags) {
    const cluster = await withClient(flags, 'the list of servers', (client, call) =>
      client.admin().describeCluster(call),
    );
    const format = formatOf(flags);
    if (isJson(format)) {
      print(JSON.stringify(cluster));
      return EXIT.ok;
    }
    print(`cluster   ${cluster.clusterId}`);
    const { controller, controllerEpoch } = cluster;
    print(
      `active    ${controller < 0 ? 'no zkserver' : `zkserver ${controller}`} (epoch ${controllerEpoch})`,
    );
    print('');
    const servers = [
      ...cluster.zkservers.map((server) => ({
        ...server,
        kind: 'zkserver',
        state: server.id === controller ? 'active' : 'standby',
      })),
      ...cluster.brokers.map((broker) => ({
        ...broker,
        kind: 'broker',
        state: broker.alive ? 'alive' : 'gone',
      })),
    ];
    printTable<(typeof servers)[number] & Partial<(typeof cluster.brokers)[number]>>(
      format,
      servers,
      [
        { title: 'SERVER', value: (row) => `${row.kind} ${row.id}` },
        { title: 'ADDRESS', value: (row) => `${row.host}:${row.port}` },
        { title: 'STATE', value: (row) => row.state },
        { title: 'RACK', value: (row) => row.rack || undefined },
        { title: 'WEIGHT', value: (row) => row.weight },
        { title: 'INCARNATION', value: (row) => row.incarnation, wide: true },
        { title: 'DIRECTORY-ID', value: (row) => row.directoryId, wide: true },
      ],
    );
    return EXIT.ok;
  },
};
