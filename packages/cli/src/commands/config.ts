// zhumq config print: every option with its value and where the value comes from.
import { brokerOptions } from '@zhumq/broker';
import { zkServerOptions } from '@zhumq/zkserver';
import { OUTPUT_FORMATS, printRows } from '../output.js';
import type { OutputFormat } from '../output.js';
import type { Command } from '../run-command.js';
import { addOptionFlags, resolveOptions } from './server-flags.js';

export const configCommand: Command = {
  register: (program, run) =>
    program.command('config', 'Show configuration', (noun) =>
      noun
        .command(
          'print <server>',
          'Print the options of a server with their origins',
          (verb) =>
            addOptionFlags(addOptionFlags(verb, brokerOptions), zkServerOptions)
              .positional('server', { choices: ['broker', 'zkserver'], demandOption: true })
              .option('config', { type: 'string', describe: 'Configuration file (JSON)' })
              .option('output', { alias: 'o', choices: OUTPUT_FORMATS, default: 'table' }),
          (flags) =>
            run(async () => {
              const { rows } =
                flags.server === 'broker'
                  ? resolveOptions(brokerOptions, flags)
                  : resolveOptions(zkServerOptions, flags);
              printRows(flags.output as OutputFormat, rows, [
                { title: 'OPTION', value: (row) => row.name },
                { title: 'VALUE', value: (row) => row.value },
                { title: 'ORIGIN', value: (row) => row.origin },
              ]);
              return 0;
            }),
        )
        .demandCommand(1, 'Name a verb: print'),
    ),
};
