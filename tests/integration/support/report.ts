// What a test did to whom: lines for people, printed at once and past Jest.

export function report(text: string): void {
  process.stderr.write(`    ${text}\n`);
}
