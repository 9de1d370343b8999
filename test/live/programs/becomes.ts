/**
 * Becomes the program it is given, after having used Node's streams: `node becomes.mjs PROGRAM [ARGUMENT…]`. They make
 * what they write to non-blocking.
 */
import { execute } from '../../../src/os/execute.ts';

process.stdin.resume().pause();
process.stdout.write('');
process.stderr.write('');
execute(process.argv.slice(2).map(Buffer.from), 'program');
