// docs/errors.md, made from the error table. A test keeps the page and the table equal.
import { errorTable } from './error-table.js';

const HEAD = `# Errors

Made from \`packages/model/src/error-table.ts\`; \`UPDATE_GOLDEN=1 npx jest packages/model/src/error-table.test.ts\` writes it anew.

Every error has a number (on the wire), a name (\`error.code\`) and three properties:

- **retriable**: the same request may succeed later, or elsewhere.
- **fatal**: the object that raised it (client, producer, broker …) can not be used any more.
- **outcome**: \`rejected\` when the request certainly had no effect, \`unknown\` when it may have had one.

A number that a program does not know means: not retriable, outcome unknown.
`;

export function renderErrorDocs(): string {
  const sections = errorTable().map(({ kind, meaning }) => {
    const words = [
      kind.retriable ? 'retriable' : 'not retriable',
      ...(kind.fatal ? ['fatal'] : []),
      `outcome ${kind.outcome}`,
    ];
    return `## ${kind.name}\n\nNumber ${kind.code}; ${words.join(', ')}.\n\n${meaning}\n`;
  });
  return [HEAD, ...sections].join('\n');
}
