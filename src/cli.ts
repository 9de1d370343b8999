import { type Command, Option } from 'commander';
import { LIFECYCLE } from './actions/lifecycle/index.ts';
import {
  addCommand,
  addList,
  LISTING,
  newProgram,
  type OptionName,
  runCommandLine,
  streams,
  withOptions,
  withoutReader,
} from './command-line.ts';
import { type ActOptions, act } from './commands/act.ts';
import { capture } from './commands/capture.ts';
import { type CommandOptions, collectOptions, splitList } from './commands/command.ts';
import { doctor } from './commands/doctor.ts';
import { exec } from './commands/exec.ts';
import { holders } from './commands/holders.ts';
import { list } from './commands/list.ts';
import { ruleset } from './commands/ruleset.ts';
import { shell } from './commands/shell.ts';
import { show } from './commands/show.ts';
import { snapshot } from './commands/snapshot.ts';
import { TOPOLOGY_FORMATS, type TopologyOptions, topology } from './commands/topology.ts';
import { CommandError, EXIT } from './errors.ts';
import { SECTIONS } from './sections.ts';
import { isTerminal } from './terminal/output.ts';
import { safeText } from './terminal/sanitise.ts';

// For the build alone.
export { rehearse } from './rehearsal.ts';

const EXEC_HELP = `
As ip netns exec does: with a mount namespace of its own, /sys of that network namespace, and
the files of /etc/netns/NAME over those in /etc. Options behind NS are the command's.

Exit codes: the command's own; 126 when it cannot be executed, 127 when it is not there.`;

const SHELL_HELP = `
Runs $SHELL, or /bin/sh, as nsleuth exec does. NSLEUTH_NETNS in its environment names the
network namespace, for a prompt: its name, or net:[…] where it has none.`;

const CAPTURE_HELP = `
DEV is a device of that network namespace, or any. Arguments go to tcpdump (or tshark) behind
-n -i DEV, and -l when the output is no terminal:

  nsleuth capture blue eth0 -- -c 10 udp port 53
  nsleuth capture blue any -w - | tshark -r -`;

const ACTING: readonly OptionName[] = ['dry-run', 'yes', 'json-plan', 'read-only'];

/** The screen needs a terminal on both ends; without one the table is printed. */
async function screenOrList(options: ActOptions): Promise<number> {
  if (!isTerminal(0) || !isTerminal(1)) return list(options, streams);
  const { runScreen } = await import('./commands/screen.ts');
  const { columns, sort, filter } = options;
  return runScreen({
    ...collectOptions(options),
    color: options.color && !process.env.NO_COLOR,
    ...(columns === undefined ? {} : { columns: splitList(columns) }),
    ...(sort === undefined ? {} : { sort }),
    ...(filter === undefined ? {} : { filter }),
    readOnly: options.readOnly ?? false,
  });
}

/** A title as the summary of a command. */
function sentence(title: string): string {
  return `${title[0]?.toLowerCase() ?? ''}${title.slice(1)}`;
}

/** The whole command line; `finish` receives the exit code of the command that ran. */
function commandLine(finish: (code: number) => void): Command {
  const program = newProgram();
  withOptions(program.argument('[command]'), [...LISTING, 'read-only']).action(
    async (word: string | undefined, options: ActOptions) => {
      if (word !== undefined) {
        const known = program.commands.map((command) => command.name()).join(', ');
        throw new CommandError(
          'ERR_UNKNOWN_COMMAND',
          `unknown command "${safeText(word)}"; commands are ${known}`,
          EXIT.usage,
        );
      }
      finish(await screenOrList(options));
    },
  );
  // They would be taken for the screen's and silently do nothing.
  program.hook('preSubcommand', (_, command) => {
    const given = program.options.find((option) => program.getOptionValueSource(option.attributeName()) === 'cli');
    if (given !== undefined) {
      throw new CommandError(
        'ERR_OPTION_PLACE',
        `${given.long} belongs behind the command: nsleuth ${command.name()} ${given.long} …`,
        EXIT.usage,
      );
    }
  });
  const add = (name: string, summary: string, options: readonly (OptionName | Option)[]) =>
    addCommand(program, name, summary, options);

  addList(program, finish);
  add('show <NS>', 'one network namespace in full, or some sections of it', [
    new Option(
      '--section <names>',
      `only these sections, separated by commas: ${SECTIONS.map(({ id }) => id).join(', ')}`,
    ),
    'json',
    'csv',
    ...LISTING,
  ]).action(async (ns: string, options: CommandOptions) => finish(await show(ns, options, streams)));
  add('holders <NS>', 'what keeps a network namespace alive', ['json', 'csv', ...LISTING]).action(
    async (ns: string, options: CommandOptions) => finish(await holders(ns, options, streams)),
  );
  add('ruleset <NS>', 'the nftables ruleset of a network namespace, as the nft program lists it', [
    new Option('--json', "nft's own JSON"),
  ]).action(async (ns: string, options: CommandOptions) => finish(await ruleset(ns, options, streams)));
  add('topology', 'how network namespaces hang together, and what reaches the wire', [
    new Option('--format <format>', `${TOPOLOGY_FORMATS.join(', ')}; text unless --json, short for json, is given`),
    new Option('--json', 'short for --format json'),
  ]).action(async (options: TopologyOptions) => finish(await topology(options, streams)));
  add('snapshot', 'everything about every network namespace as one JSON document', ['output', 'force']).action(
    async (options: CommandOptions) => finish(await snapshot(options, streams)),
  );
  add('exec <NS> [command...]', 'runs a program in a network namespace, in place of nsleuth', ['read-only'])
    .usage('[options] <NS> [--] <command> [args...]')
    .passThroughOptions()
    .addHelpText('after', EXEC_HELP)
    .action(async (ns: string, words: readonly string[], options: ActOptions) => exec(ns, words, options));
  add('shell <NS>', 'your shell in a network namespace', ['read-only'])
    .addHelpText('after', SHELL_HELP)
    .action(async (ns: string, options: ActOptions) => shell(ns, options));
  add('capture <NS> <DEV> [args...]', 'tcpdump, or tshark, on a device of a network namespace', ['read-only'])
    .usage('[options] <NS> <DEV> [--] [args...]')
    .passThroughOptions()
    .addHelpText('after', CAPTURE_HELP)
    .action(async (ns: string, device: string, words: readonly string[], options: ActOptions) =>
      capture(ns, device, words, options),
    );
  add('doctor', 'which sources work on this host, which do not, and what would fix it', ['json']).action(
    async (options: CommandOptions) => finish(await doctor(options, streams)),
  );
  for (const row of LIFECYCLE) {
    const command = program.command(`${row.id} ${row.command.usage}`).description(sentence(row.title)).exitOverride();
    for (const { flags, description, repeatable } of row.command.options) {
      if (repeatable) command.option(flags, description, (value, before: readonly string[] = []) => [...before, value]);
      else command.option(flags, description);
    }
    withOptions(command, ACTING).action(async (...given: unknown[]) => {
      const [options, ...args] = given.slice(0, -1).toReversed() as [ActOptions, ...(string | string[])[]];
      const words = args.toReversed().map((arg) => arg ?? []);
      finish(await withoutReader(() => act(row, words, options, streams)));
    });
  }
  program.addHelpText(
    'after',
    `
NS is an inode number, net:[…], a name, a path, pid:N, cookie:N, init or self.
Without a command the screen opens; without a terminal the list is printed.

Exit codes: 0 done, 1 failed, 2 wrong usage, 4 not permitted; a signal that ends it is passed on.`,
  );
  return program;
}

runCommandLine(commandLine);
