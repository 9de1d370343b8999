import { EXIT } from '../errors.ts';
import { toJson } from '../report/json.ts';
import { checkTarget, saveWithChecksum } from '../report/save.ts';
import { safeText } from '../terminal/sanitise.ts';
import { type CommandOptions, reportConcealed, reportGaps, type Streams, takeSnapshot } from './command.ts';

/** `nsleuth snapshot`: everything about every namespace, to keep or to look at elsewhere. */
export async function snapshot(options: CommandOptions, { out, err }: Streams): Promise<number> {
  const { force = false } = options;
  const output = options.output === '-' ? undefined : options.output;
  // What cannot be written is said before anything is read.
  if (output !== undefined) checkTarget(output, force);
  const taken = await takeSnapshot(options, { depth: 'full', inside: 'all' });
  const text = toJson(taken);
  if (output === undefined) {
    out(text);
    return EXIT.done;
  }
  const checksum = await saveWithChecksum(output, text, force);
  const count = taken.namespaces.length;
  err(`nsleuth: ${safeText(output)}: ${count} ${count === 1 ? 'namespace' : 'namespaces'}, sha256 ${checksum}\n`);
  reportConcealed(taken, err);
  reportGaps(taken, err);
  return EXIT.done;
}
