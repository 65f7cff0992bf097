// zhumq config print: every option with its value and where the value comes from.
import { brokerOptions } from '@zhumq/broker';
import { zkServerOptions } from '@zhumq/zkserver';
import type { LoadedVerb } from '../../command-tree.js';
import { EXIT } from '../../exit-codes.js';
import { OUTPUT_FORMATS, printRows } from '../../output.js';
import type { OutputFormat } from '../../output.js';
import { addOptionFlags, resolveOptions } from '../server-flags.js';

export const printConfig: LoadedVerb = {
  flags: (verb) =>
    addOptionFlags(addOptionFlags(verb, brokerOptions), zkServerOptions)
      .positional('server', { choices: ['broker', 'zkserver'], demandOption: true })
      .option('config', { type: 'string', describe: 'Configuration file (JSON)' })
      .option('output', { alias: 'o', choices: OUTPUT_FORMATS, default: 'table' }),
  run(flags) {
    const { rows } =
      flags.server === 'broker'
        ? resolveOptions(brokerOptions, flags)
        : resolveOptions(zkServerOptions, flags);
    printRows(flags.output as OutputFormat, rows, [
      { title: 'OPTION', value: (row) => row.name },
      { title: 'VALUE', value: (row) => row.value },
      { title: 'ORIGIN', value: (row) => row.origin },
    ]);
    return Promise.resolve(EXIT.ok);
  },
};
