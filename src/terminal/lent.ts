/** A program that has the terminal for as long as it runs. */
import { spawn } from 'node:child_process';

const STDIN = 0;

/** Waits for Enter, in the terminal's own line mode. */
async function awaitEnter(): Promise<void> {
  const { stdin } = process;
  stdin.resume();
  await new Promise<void>((resolve) => {
    stdin.once('data', () => resolve());
    stdin.once('end', () => resolve());
  });
  stdin.pause();
}

/**
 * Runs nsleuth itself with other arguments, on this terminal.
 *
 * @param pause leaves what it printed on the screen until Enter is pressed.
 * @returns how it ended, in a few words.
 */
export async function runProgram(argv: readonly string[], pause: boolean): Promise<string> {
  const [name = ''] = argv;
  // While it reads, we must not: whatever is typed would go to one of the two by chance.
  process.stdin.pause();
  const child = spawn(process.execPath, [process.argv[1] ?? '', ...argv], { stdio: 'inherit' });
  const ended = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('close', (code, signal) => resolve(signal === null ? `ended with ${code}` : `ended by ${signal}`));
  });
  const { takeForeground } = await import('../os/foreground.ts');
  takeForeground(STDIN);
  if (pause) {
    process.stdout.write(`\n[${name} ${ended}; Enter comes back to nsleuth] `);
    await awaitEnter();
  }
  return `${name} ${ended}`;
}
