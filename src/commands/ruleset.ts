import { CommandError, EXIT } from '../errors.ts';
import { closeProcfs, openProcfs } from '../os/procfs.ts';
import { type RulesetText, rulesetOf } from '../ruleset.ts';
import { type CommandOptions, reportGaps, type Streams, takeSnapshot } from './command.ts';
import { theNamespace } from './select.ts';

/** `nsleuth ruleset NS`: the full nftables ruleset, as the `nft` program lists it inside the namespace. */
export async function ruleset(selector: string, options: CommandOptions, { out, err }: Streams): Promise<number> {
  const snapshot = await takeSnapshot(options);
  const ns = theNamespace(snapshot, selector);
  const procfs = openProcfs(options.proc);
  let answer: RulesetText;
  try {
    answer = rulesetOf(procfs, ns, snapshot, { json: options.json === true });
  } finally {
    closeProcfs(procfs);
  }
  reportGaps(snapshot, err);
  if (answer.text === null) {
    const code = answer.why === 'not permitted' ? EXIT.notPermitted : EXIT.failed;
    throw new CommandError('ERR_RULESET', `no ruleset of net:[${ns.ino ?? '?'}]: ${answer.reason}`, code);
  }
  out(answer.text);
  return EXIT.done;
}
