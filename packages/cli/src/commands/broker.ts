// zhumq broker: runs one broker until a signal.
import { brokerOptions } from '@zhumq/broker';
import { address } from '../arguments.js';
import { UsageError } from '../exit-codes.js';
import type { LoadedVerb } from '../command-tree.js';
import { serverEnvironment } from '../servers/environment.js';
import { openMetadataStore } from '../servers/metadata-location.js';
import { runBroker } from '../servers/run-broker.js';
import type { RunningServer } from '../servers/running-server.js';
import { serve } from '../servers/serve.js';
import {
  addServerFlags,
  logSettings,
  metadataLocation,
  optionValues,
  optionalAddress,
  serverId,
  storeToWaitFor,
} from './server-flags.js';
import type { Flags } from './server-flags.js';

export const broker: LoadedVerb = {
  flags: (verb) =>
    addServerFlags(verb, brokerOptions)
      .option('data-dir', {
        type: 'string',
        demandOption: true,
        describe: 'Folder of this broker alone',
      })
      .option('rack', {
        type: 'string',
        default: '',
        describe: 'Failure domain; replicas are spread over racks',
      })
      .option('weight', {
        type: 'string',
        default: '1',
        describe: 'Share of partitions relative to other brokers',
      }),
  run: (flags) =>
    serve(() => start(flags), {
      json: flags.output === 'json',
      stopWithParent: flags['stop-with-parent'] === true,
      waitsFor: `${storeToWaitFor(flags)} and the first zkserver of the cluster`,
    }),
};

async function start(flags: Flags): Promise<RunningServer> {
  const id = serverId(flags);
  const weight = Number(flags.weight);
  if (!(weight > 0 && weight <= 1000))
    throw new UsageError(
      `--weight is a number above 0 and up to 1000; "${String(flags.weight)}" is not`,
    );
  const settings = {
    id,
    weight,
    rack: String(flags.rack),
    dataDirectory: String(flags['data-dir']),
    listen: address('listen', String(flags.listen)),
    advertise: optionalAddress('advertise', flags),
    http: optionalAddress('http', flags),
    options: optionValues(brokerOptions, flags),
  };
  const environment = serverEnvironment(`broker-${id}`, logSettings(flags));
  const opened = openMetadataStore(
    metadataLocation(flags),
    settings.options['session.timeout'],
    environment,
  );
  try {
    const server = await runBroker(settings, opened.store, environment);
    return { ...server, stop: () => server.stop().finally(() => opened.close()) };
  } catch (error) {
    await opened.close();
    throw error;
  }
}
