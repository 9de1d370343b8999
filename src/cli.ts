import { type Argument, Command, CommanderError, Option } from 'commander';
import { LIFECYCLE } from './actions/lifecycle/index.ts';
import { type ActOptions, act } from './commands/act.ts';
import { capture } from './commands/capture.ts';
import { type CommandOptions, collectOptions, type Streams, splitList } from './commands/command.ts';
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
import { isTerminal, writeAll } from './terminal/output.ts';
import { safeText } from './terminal/sanitise.ts';
import { VERSION } from './version.ts';

// For the build alone.
export { rehearse } from './rehearsal.ts';

/** Every option there is; each command lists those that apply to it. */
const OPTIONS = {
  json: () => new Option('--json', 'JSON: docs/snapshot.schema.json describes it').conflicts('csv'),
  'json-plan': () => new Option('--json', 'JSON on standard output: the plan, and what came of it once it is done'),
  csv: () => new Option('--csv', 'comma-separated values with a header line'),
  columns: () => new Option('--columns <ids>', 'columns to show, separated by commas; see docs/columns.md'),
  sort: () => new Option('--sort <column>', 'sort by any column; +column ascending, -column descending'),
  filter: () =>
    new Option(
      '--filter <terms>',
      'only rows where every term holds: text, column:part, column=value, column>number, !term',
    ),
  section: () =>
    new Option(
      '--section <names>',
      `only these sections, separated by commas: ${SECTIONS.map(({ id }) => id).join(', ')}`,
    ),
  output: () =>
    new Option('-o, --output <file>', 'write to this file, its checksum to <file>.sha256; - is standard output'),
  force: () => new Option('--force', 'replace the file and its checksum if they exist'),
  format: () =>
    new Option('--format <format>', `${TOPOLOGY_FORMATS.join(', ')}; text unless --json, short for json, is given`),
  proc: () => new Option('--proc <dir>', 'procfs to read').default('/proc'),
  without: () => new Option('--without <sources>', 'leave out sources, separated by commas; nsleuth doctor lists them'),
  'no-kernel-view': () => new Option('--no-kernel-view', 'short for --without kernel: no BPF program is loaded'),
  'dry-run': () => new Option('--dry-run', 'show what would be done, and do nothing'),
  yes: () => new Option('-y, --yes', 'do not ask'),
  'read-only': () => new Option('--read-only', 'change nothing: refuse every action that would'),
  'no-color': () => new Option('--no-color', 'no colours (also NO_COLOR)'),
} as const;

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

type OptionName = keyof typeof OPTIONS;

const EVERYWHERE: readonly OptionName[] = ['proc', 'without', 'no-kernel-view', 'no-color'];
const ACTING: readonly OptionName[] = ['dry-run', 'yes', 'json-plan', 'read-only'];
const LISTING: readonly OptionName[] = ['columns', 'sort', 'filter'];

/** Why standard output could not be written to, while something is done that must come to its end all the same. */
let lost: { failure: string | null } | undefined;

const streams: Streams = {
  out: (text) => writeTo(1, text),
  err: (text) => writeTo(2, text),
  // A serial console says 0: it does not know.
  get width() {
    return (isTerminal(1) && process.stdout.columns) || undefined;
  },
};

/**
 * Writes to standard output or error. A reader that has seen enough (`nsleuth list | head`) is no error; where nobody is
 * left to be told of one, it is not told.
 */
function writeTo(fd: 1 | 2, text: string): void {
  const failure = writeAll(fd, text);
  if (failure === null || fd === 2) return;
  if (lost !== undefined) {
    lost.failure ??= failure;
    return;
  }
  if (failure === 'EPIPE') process.exit(EXIT.done);
  writeAll(2, `nsleuth: cannot write: ${failure}\n`);
  process.exit(EXIT.failed);
}

function withOptions(command: Command, names: readonly OptionName[]): Command {
  for (const name of [...names, ...EVERYWHERE]) command.addOption(OPTIONS[name]());
  return command;
}

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

/** `<NS>`, `[words...]`: as commander writes it. */
function argumentTerm(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** The whole command line; `finish` receives the exit code of the command that ran. */
function commandLine(finish: (code: number) => void): Command {
  const program = new Command('nsleuth')
    .description('Shows every network namespace on this host, what keeps each one alive, and what lives in it.')
    .usage('[options] [command]')
    .version(VERSION, '-V, --version')
    .helpOption('-h, --help', 'help for a command')
    .showHelpAfterError('(nsleuth --help shows how)')
    // That a command has options goes without saying.
    .configureHelp({
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentTerm)].join(' '),
    })
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: streams.out,
      writeErr: (text) => streams.err(safeText(text.trimEnd()).replaceAll('\\x0a', '\n').concat('\n')),
    });

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
  const add = (name: string, summary: string, names: readonly OptionName[]) =>
    withOptions(program.command(name).description(summary).exitOverride(), names);

  add('list', 'a table of all network namespaces', ['json', 'csv', ...LISTING]).action(
    async (options: CommandOptions) => finish(await list(options, streams)),
  );
  add('show <NS>', 'one network namespace in full, or some sections of it', [
    'section',
    'json',
    'csv',
    ...LISTING,
  ]).action(async (ns: string, options: CommandOptions) => finish(await show(ns, options, streams)));
  add('holders <NS>', 'what keeps a network namespace alive', ['json', 'csv', ...LISTING]).action(
    async (ns: string, options: CommandOptions) => finish(await holders(ns, options, streams)),
  );
  add('ruleset <NS>', 'the nftables ruleset of a network namespace, as the nft program lists it', [])
    .option('--json', "nft's own JSON")
    .action(async (ns: string, options: CommandOptions) => finish(await ruleset(ns, options, streams)));
  add('topology', 'how network namespaces hang together, and what reaches the wire', ['format'])
    .option('--json', 'short for --format json')
    .action(async (options: TopologyOptions) => finish(await topology(options, streams)));
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

/** Lets what changes the host come to its end though nobody reads any more what it says, and says so then. */
async function withoutReader(run: () => Promise<number>): Promise<number> {
  const reader = { failure: null as string | null };
  lost = reader;
  const code = await run();
  if (reader.failure === null) return code;
  streams.err(`nsleuth: cannot write: ${reader.failure}; the audit trail has what was done\n`);
  return code === EXIT.done ? EXIT.failed : code;
}

async function main(): Promise<void> {
  try {
    await commandLine((code) => {
      process.exitCode = code;
    }).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    } else if (error instanceof CommandError) {
      streams.err(`nsleuth: ${error.message}\n`);
      process.exitCode = error.exitCode;
    } else {
      // A bug: one line for whoever reads it, the stack for whoever asks for it.
      const text = error instanceof Error ? (process.env.NSLEUTH_DEBUG ? error.stack : error.message) : String(error);
      streams.err(`nsleuth: internal error: ${safeText(text ?? '').replaceAll('\\x0a', '\n')}\n`);
      process.exitCode = EXIT.failed;
    }
  }
}

// Node takes 10 to 20 ms to take itself apart when it runs out of work, and exit(3) does not. What was written is out.
void main().then(() => process.exit());
