// However the input arrives in chunks, its lines are the same.
import fc from 'fast-check';
import { LineSplitter } from './line-splitter.js';

function linesOf(chunks: readonly Buffer[]): string[] {
  const splitter = new LineSplitter();
  const lines = chunks.flatMap((chunk) => splitter.push(chunk));
  const last = splitter.end();
  return [...lines, ...(last === undefined ? [] : [last])].map((line) => line.toString('latin1'));
}

const linesOfText = (text: string): string[] => linesOf([Buffer.from(text, 'latin1')]);

test.each([
  ['nothing', '', []],
  ['a last line without line feed', 'a\nb', ['a', 'b']],
  ['a last line with one', 'a\nb\n', ['a', 'b']],
  ['empty lines', '\n\na\n\n', ['', '', 'a', '']],
  ['carriage returns stay', 'a\r\nb\r', ['a\r', 'b\r']],
  ['any byte', '\x00\xff\n\x80', ['\x00\xff', '\x80']],
])('%s', (_what, text, lines) => {
  expect(linesOfText(text)).toEqual(lines);
});

test('chunks may end anywhere', () => {
  const byte = fc.constantFrom(0x0a, 0x0d, 0x61, 0xff);
  const chunk = fc.array(byte, { maxLength: 6 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(chunk), (chunks) => {
      const whole = Buffer.concat(chunks).toString('latin1');
      const expected = whole.split('\n');
      if (expected.at(-1) === '') expected.pop();
      expect(linesOf(chunks)).toEqual(expected);
    }),
  );
});

test('a line that no topic could take is refused before it fills the memory', () => {
  const splitter = new LineSplitter();
  const chunk = Buffer.alloc(2 ** 20, 'x');
  expect(() => {
    for (let i = 0; i < 65; i++) splitter.push(chunk);
  }).toThrow('longer than 64 MiB');
});
