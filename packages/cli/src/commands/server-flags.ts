// What the commands that run servers share: listening, logs, configuration file, and one flag for each option of the
// server. Precedence: flags > environment > file > default.
import { readFileSync } from 'node:fs';
import type {
  HostPort,
  LogLevel,
  OptionDeclarations,
  OptionFlag,
  OptionSet,
  OptionValues,
  ResolvedOptions,
} from '@zhumq/base';
import { brokerOptions } from '@zhumq/broker';
import { zkServerOptions } from '@zhumq/zkserver';
import type { Argv } from 'yargs';
import { address } from '../arguments.js';
import { UsageError } from '../exit-codes.js';
import type { LogSettings } from '../servers/environment.js';
import type { MetadataLocation } from '../servers/metadata-location.js';

/** A set of options, as far as flags are made from it. */
interface Described {
  flags(): readonly OptionFlag[];
}

/** Parsed flags, by name. */
export type Flags = Readonly<Record<string, unknown>>;

export function addServerFlags(program: Argv, options: Described): Argv {
  return addOptionFlags(
    addLogFlags(program)
      .option('id', {
        type: 'string',
        demandOption: true,
        describe: 'Number of this server, unique among its kind',
      })
      .option('zookeeper', {
        type: 'string',
        describe: 'Servers of the ensemble: HOST:PORT[,HOST:PORT…][/chroot]',
      })
      .option('embedded-store', { type: 'string', hidden: true })
      .option('stop-with-parent', { type: 'boolean', default: false, hidden: true })
      .option('listen', {
        type: 'string',
        demandOption: true,
        describe: 'HOST:PORT to listen at; port 0: any free one',
      })
      .option('advertise', {
        type: 'string',
        describe: 'HOST:PORT that others are told, when it is not --listen',
      })
      .option('http', { type: 'string', describe: 'HOST:PORT for /metrics, /livez and /readyz' })
      .option('output', {
        alias: 'o',
        choices: ['table', 'json'],
        default: 'table',
        describe: 'Form of the ready line',
      }),
    options,
  );
}

export function addLogFlags(program: Argv): Argv {
  return program
    .option('config', { type: 'string', describe: 'Configuration file (JSON)' })
    .option('log-level', {
      choices: ['debug', 'info', 'warn', 'error', 'silent'],
      default: 'info',
      describe: 'Least severity that is logged',
    })
    .option('log-format', {
      choices: ['json', 'short'],
      default: 'json',
      describe: 'Form of log lines on standard error',
    });
}

export function addOptionFlags(program: Argv, options: Described): Argv {
  for (const { flag, doc, default: initial } of options.flags()) {
    program.option(flag, {
      type: 'string',
      describe: `${doc} [${initial ?? 'unset'}]`,
      group: 'Options of the server:',
    });
  }
  return program;
}

/** Throws OptionsInvalid, ConfigFileInvalid, UsageError. */
export function resolveOptions<S extends OptionDeclarations>(
  options: OptionSet<S>,
  flags: Flags,
): ResolvedOptions<S> {
  return options.resolve({
    flags: options.pickFlags(flags),
    environment: process.env,
    file: configFile(flags),
    // Broker and zkserver may share one file and one environment; what the set itself declares must not be passed over.
    alsoKnown: [...brokerOptions.names, ...zkServerOptions.names, ...CLIENT_ENVIRONMENT].filter(
      (name) => !(options.names as readonly string[]).includes(name),
    ),
  });
}

export function optionValues<S extends OptionDeclarations>(
  options: OptionSet<S>,
  flags: Flags,
): OptionValues<S> {
  return resolveOptions(options, flags).values;
}

export function logSettings(flags: Flags): LogSettings {
  return {
    level: flags['log-level'] as LogLevel,
    format: flags['log-format'] === 'json' ? 'json' : 'pretty-short',
  };
}

export function serverId(flags: Flags): number {
  const id = Number(flags.id);
  if (!Number.isInteger(id) || id < 0 || id > 0x7fffffff)
    throw new UsageError(`--id is a whole number from 0 on; "${String(flags.id)}" is not`);
  return id;
}

export function optionalAddress(flag: string, flags: Flags): HostPort | undefined {
  const text = flags[flag];
  return text === undefined ? undefined : address(flag, String(text));
}

export function metadataLocation(flags: Flags): MetadataLocation {
  const { zookeeper } = flags;
  const embedded = optionalAddress('embedded-store', flags);
  if (embedded !== undefined) return { kind: 'embedded', address: embedded };
  if (zookeeper === undefined) {
    throw new UsageError(
      '--zookeeper HOST:PORT[,…][/chroot] is needed (for a cluster without ZooKeeper: "zhumq dev")',
    );
  }
  return { kind: 'zookeeper', connectionString: String(zookeeper) };
}

/** For people: what a server that does not start may be waiting for. */
export function storeToWaitFor({ zookeeper }: Flags): string {
  return zookeeper === undefined ? 'the metadata store' : `ZooKeeper at ${String(zookeeper)}`;
}

function configFile(flags: Flags): { path: string; text: string } | undefined {
  if (flags.config === undefined) return undefined;
  const path = String(flags.config);
  try {
    return { path, text: readFileSync(path, 'utf8') };
  } catch (error) {
    throw new UsageError(`--config ${path} can not be read: ${(error as Error).message}`);
  }
}

/** Variables of the environment that are not options of a server. */
const CLIENT_ENVIRONMENT = ['bootstrap', 'native', 'debug', 'zookeeper.dir'];
