// The fuzzer reads idl/*.thrift by itself: it must know what the generated code knows, method by method.
import * as tables from '../../../../rpc/generated/services.js';
import type { ServiceTable } from '../../../../rpc/generated/services.js';
import { readContracts } from './contract.js';
import { CONTRACTS } from './live-cluster.js';

const isTable = (value: unknown): value is ServiceTable =>
  typeof value === 'object' && value !== null && 'methods' in value;

test('every method of every service is known, with its parameters and its kind', () => {
  const generated = Object.values(tables as Record<string, unknown>)
    .filter(isTable)
    .flatMap(({ name: service, methods }) =>
      methods.map(({ name, oneway, answers, parameters }) => {
        return { service, name, oneway, answers, parameters: [...parameters] };
      }),
    );
  const read = readContracts(CONTRACTS).map(({ service, name, oneway, result, parameters }) => {
    const names = parameters.map((parameter) => parameter.name);
    return { service, name, oneway, answers: result !== undefined, parameters: names };
  });
  const inOrder = (one: { name: string }, other: { name: string }): number =>
    one.name < other.name ? -1 : 1;
  expect(generated.length).toBeGreaterThan(50);
  expect(read.sort(inOrder)).toEqual(generated.sort(inOrder));
});

test('types of other files are followed to their fields', () => {
  const produce = readContracts(CONTRACTS).find(({ name }) => name === 'createTopic');
  const type = produce?.parameters[0].type;
  const mode =
    type?.kind === 'struct' ? type.fields.find(({ name }) => name === 'mode') : undefined;
  expect(mode?.type).toMatchObject({ kind: 'enum', values: [1, 2] });
});
