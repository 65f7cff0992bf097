// docs/configuration.md, made from the declarations of all options. A test keeps the page and the declarations equal.
import { formatDurationMs, formatExactBytes } from '@zhumq/base';
import { brokerOptions } from '@zhumq/broker';
import { TOPIC_OPTIONS, rangeOf } from '@zhumq/model';
import type { TopicOption } from '@zhumq/model';
import { zkServerOptions } from '@zhumq/zkserver';

const HEAD = `# Configuration

Made from the declarations of the options; \`UPDATE_GOLDEN=1 npx jest packages/cli/src/configuration-docs.test.ts\` writes it anew.

## How options are given

Flags win over the environment, the environment over the file, the file over the default.
\`zhumq config print broker\` and \`zhumq config print zkserver\` show each value with its origin.

- **Flag**: \`--raft-tick-ms 50ms\`, the name with \`-\` for \`.\`.
- **Environment**: \`ZHUMQ_RAFT__TICK__MS=50ms\`, the name in capitals with \`__\` for \`.\` and \`_\` for \`-\`.
- **File**: \`--config zhumq.json\`, a JSON object with the names as keys. Broker and zkserver may share one file.

Durations carry their unit: \`500ms\`, \`15s\`, \`10m\`, \`2h\`, \`7d\`; only the flags of client verbs (docs/cli.md) take a bare
number, of seconds. Sizes are \`512B\`, \`64KiB\`, \`1MiB\`, \`10GiB\`, or a bare number of bytes. An option that is unknown or
out of range stops the start, with all that is wrong in one message.
`;

const TOPIC_HEAD = `## Settings of a topic

\`zhumq topic create NAME --config NAME=VALUE\` and \`zhumq topic alter NAME --config NAME=VALUE\`; \`--config NAME=\` goes back
to the default. A bare number is milliseconds, bytes or a count.
`;

const CLIENT_TAIL = `## Environment of the client verbs

| Variable                | Default          | What it does                                                    |
| ----------------------- | ---------------- | --------------------------------------------------------------- |
| \`ZHUMQ_BOOTSTRAP\`       | \`127.0.0.1:9640\` | Servers of the cluster, as \`--bootstrap\`                        |
| \`ZHUMQ_CONNECT_TIMEOUT\` | \`5s\`             | How long to try to reach one of them, as \`--connect-timeout\`    |
| \`ZHUMQ_TIMEOUT\`         | \`30s\`            | How long an administrative request may take, as \`--timeout\`     |
| \`ZHUMQ_DEBUG\`           |                  | Not empty: errors with their stack, and what the client does    |
| \`ZHUMQ_NATIVE\`          |                  | \`off\`: no native code for checksums and compression             |
`;

export function renderConfigurationDocs(): string {
  return [
    HEAD,
    TOPIC_HEAD,
    topicTable(),
    '## Options of a broker\n\n`zhumq broker`; `zhumq dev` runs its brokers with the defaults.\n',
    brokerOptions.markdown(),
    '## Options of a zkserver\n\n`zhumq zkserver`.\n',
    zkServerOptions.markdown(),
    CLIENT_TAIL,
  ].join('\n');
}

function topicTable(): string {
  const rows = TOPIC_OPTIONS.map((option) => [
    `\`${option.name}\``,
    initialOf(option),
    rangeOf(option),
    option.doc,
  ]);
  const head = ['Setting', 'Default', 'Allowed', 'What it does'];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const rule = widths.map((width) => '-'.repeat(width));
  return `${[head, rule, ...rows].map(line).join('\n')}\n`;
}

function initialOf(option: TopicOption): string {
  if (option.fallback === undefined) return '';
  if (option.fallback === -1) return '`-1`';
  if (option.type === 'duration') return `\`${formatDurationMs(option.fallback)}\``;
  if (option.type === 'bytes') return `\`${formatExactBytes(option.fallback)}\``;
  return `\`${option.fallback}\``;
}
