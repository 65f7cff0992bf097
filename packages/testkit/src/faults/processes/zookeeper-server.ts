// One server of a real ZooKeeper ensemble. What is installed is found by scripts/zookeeper.sh.
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { runProgram } from '../network/run-program.js';
import { until } from '../until.js';

const SCRIPT = join(__dirname, '../../../../../scripts/zookeeper.sh');
const READY_TIMEOUT_MS = 60_000;
const ANSWER_TIMEOUT_MS = 1_000;
const CLIENT = 0;
const QUORUM = 1;
const ELECTION = 2;
/** Ports that a server needs. */
export const ZOOKEEPER_PORTS = 3;

/** Java and its class path. */
export type ZooKeeperProgram = readonly [java: string, classPath: string];

export async function findZooKeeper(): Promise<ZooKeeperProgram> {
  const [java, classPath] = (await runProgram(SCRIPT, 'program')).trim().split('\n');
  return [java, classPath];
}

/** Writes the configuration of server `number` (from 1); `listens`: for each server its addresses. */
export function configureZooKeeper(
  folder: string,
  number: number,
  listens: readonly (readonly string[])[],
): string {
  const data = join(folder, 'data');
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, 'myid'), `${number}\n`);
  const [host, port] = listens[number - 1][CLIENT].split(':');
  const members = listens.map((own, index) => {
    const [memberHost, quorum] = own[QUORUM].split(':');
    const election = own[ELECTION].split(':')[1];
    return `server.${index + 1}=${memberHost}:${quorum}:${election}`;
  });
  const file = join(folder, 'zoo.cfg');
  const settings = [
    // Short ticks and limits: elections and expiries within a second or two.
    ...['tickTime=500', 'initLimit=20', 'syncLimit=10', `dataDir=${data}`],
    ...[`clientPort=${port}`, `clientPortAddress=${host}`, 'maxClientCnxns=0'],
    ...['minSessionTimeout=1000', 'maxSessionTimeout=60000', 'admin.enableServer=false'],
    ...['4lw.commands.whitelist=ruok,srvr', 'electionPortBindRetry=20'],
    ...['autopurge.snapRetainCount=3', 'autopurge.purgeInterval=1'],
    ...(members.length > 1 ? members : []),
  ];
  writeFileSync(file, `${settings.join('\n')}\n`);
  return file;
}

export function zooKeeperCommand([java, classPath]: ZooKeeperProgram, config: string): string[] {
  return [
    ...[java, '-Xms24m', '-Xmx96m', '-Xss256k', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
    ...['-XX:-UsePerfData', '-XX:+ExitOnOutOfMemoryError', '-Djava.awt.headless=true'],
    ...['-Dzookeeper.jmx.log4j.disable=true', '-Dzookeeper.preAllocSize=1024'],
    ...['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'],
    ...['-Dorg.slf4j.simpleLogger.showDateTime=true', '-cp', classPath],
    ...['org.apache.zookeeper.server.quorum.QuorumPeerMain', config],
  ];
}

/** Resolves when the server at this address is part of a quorum. */
export async function zooKeeperServes(address: string): Promise<void> {
  await until(`ZooKeeper at ${address} serves`, READY_TIMEOUT_MS, async () =>
    /^Mode: (leader|follower|standalone)/m.test(await ask(address, 'srvr')),
  );
}

function ask(address: string, command: string): Promise<string> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ host, port: Number(port) }, () => socket.write(command));
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error('no answer')));
    socket.on('data', (bytes) => (answer += bytes.toString()));
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
