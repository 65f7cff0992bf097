// A network of namespaces: each node has one of its own, joined to a bridge by a pair of virtual interfaces. A cut is an
// element of a set that a rule of nftables at the receiver drops by. All of it is inside the run's own network namespace
// (isolation.ts) and is gone with its last process.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from './run-program.js';
import { CLIENTS } from './network.js';
import type { Endpoint, Network, NodeName } from './network.js';

const PREFIX = '10.77.0';
const FIRST_PORT = 9_640;
const BRIDGE = 'zqf-bridge';
const NAMES = '/run/netns';

const RULES = `table inet faults {
  set cut { type ipv4_addr; }
  chain incoming {
    type filter hook input priority 0;
    ip saddr @cut drop
  }
}
`;

export class NamespaceNetwork implements Network {
  readonly kind = 'namespaces';
  /** Last number of the address. */
  private readonly numbers = new Map<NodeName, number>([[CLIENTS, 1]]);
  /** By receiver. */
  private readonly cuts = new Map<NodeName, Set<NodeName>>();

  private constructor(private readonly rulesFile: string) {}

  static async make(folder: string): Promise<NamespaceNetwork> {
    // Names of namespaces are mounts, this run's alone.
    const mountPoint = existsSync(NAMES) ? NAMES : '/run';
    await runProgram('mount', '-t', 'tmpfs', 'zhumq-faults', mountPoint);
    await runProgram('ip', 'link', 'add', BRIDGE, 'type', 'bridge');
    await runProgram('ip', 'addr', 'add', `${PREFIX}.1/24`, 'dev', BRIDGE);
    await runProgram('ip', 'link', 'set', BRIDGE, 'up');
    const rulesFile = join(folder, 'faults.nft');
    writeFileSync(rulesFile, RULES);
    await runProgram('nft', '-f', rulesFile);
    return new NamespaceNetwork(rulesFile);
  }

  async addNode(name: NodeName, ports: number): Promise<readonly Endpoint[]> {
    const number = this.numbers.size + 1;
    this.numbers.set(name, number);
    const link = `zqf-${number}`;
    await runProgram('ip', 'netns', 'add', name);
    await runProgram(
      ...(['ip', 'link', 'add', link, 'type', 'veth'] as const),
      ...(['peer', 'name', 'eth0', 'netns', name] as const),
    );
    await runProgram('ip', 'link', 'set', link, 'master', BRIDGE, 'up');
    const address = this.address(name);
    await runProgram('ip', '-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    await runProgram('ip', '-n', name, 'link', 'set', 'eth0', 'up');
    await runProgram('ip', '-n', name, 'link', 'set', 'lo', 'up');
    await this.runOn(name, 'nft', '-f', this.rulesFile);
    return Array.from({ length: ports }, (_, index) => {
      const listen = `${address}:${FIRST_PORT + index}`;
      return { listen, advertise: listen };
    });
  }

  commandOn(name: NodeName, command: readonly string[]): readonly string[] {
    return name === CLIENTS ? command : ['nsenter', `--net=${NAMES}/${name}`, ...command];
  }

  async cut(from: NodeName, to: NodeName): Promise<void> {
    const cuts = this.cuts.get(to) ?? new Set();
    this.cuts.set(to, cuts.add(from));
    const element = `{ ${this.address(from)} }`;
    await this.runOn(to, 'nft', 'add', 'element', 'inet', 'faults', 'cut', element);
  }

  slow(): void {
    throw new Error('the kernel of a namespace delays nothing here: use --network proxies');
  }

  async heal(): Promise<void> {
    const cut = [...this.cuts.keys()];
    this.cuts.clear();
    await Promise.all(
      cut.map((name) => this.runOn(name, 'nft', 'flush', 'set', 'inet', 'faults', 'cut')),
    );
  }

  /** The kernel removes everything with the run's last process. */
  async close(): Promise<void> {
    await this.heal();
  }

  private address(name: NodeName): string {
    const number = this.numbers.get(name);
    if (number === undefined) throw new Error(`there is no node ${name}`);
    return `${PREFIX}.${number}`;
  }

  private async runOn(name: NodeName, ...command: readonly string[]): Promise<void> {
    const [program, ...args] = this.commandOn(name, command);
    await runProgram(program, ...args);
  }
}
