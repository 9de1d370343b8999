/**
 * `nsleuth list` and nothing else, which is half of the program: what it need not read it starts without, 5 ms sooner
 * (src/launcher.cjs).
 */
import { addList, newProgram, runCommandLine } from './command-line.ts';

// For the build alone.
export { rehearse } from './rehearsal.ts';

runCommandLine((finish) => {
  const program = newProgram();
  addList(program, finish);
  return program;
});
