import { type Argument, Command, CommanderError, Option } from 'commander';
import type { CommandOptions, Streams } from './commands/command.ts';
import { list } from './commands/list.ts';
import { CommandError, EXIT } from './errors.ts';
import { isTerminal, writeAll } from './terminal/output.ts';
import { safeText } from './terminal/sanitise.ts';
import { VERSION } from './version.ts';

/** Options of several commands; each command lists those that apply to it. */
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
  output: () =>
    new Option('-o, --output <file>', 'write to this file, its checksum to <file>.sha256; - is standard output'),
  force: () => new Option('--force', 'replace the file and its checksum if they exist'),
  proc: () => new Option('--proc <dir>', 'procfs to read').default('/proc'),
  without: () => new Option('--without <sources>', 'leave out sources, separated by commas; nsleuth doctor lists them'),
  'no-kernel-view': () => new Option('--no-kernel-view', 'short for --without kernel: no BPF program is loaded'),
  'dry-run': () => new Option('--dry-run', 'show what would be done, and do nothing'),
  yes: () => new Option('-y, --yes', 'do not ask'),
  'read-only': () => new Option('--read-only', 'change nothing: refuse every action that would'),
  'no-color': () => new Option('--no-color', 'no colours (also NO_COLOR)'),
} as const;

export type OptionName = keyof typeof OPTIONS;

const EVERYWHERE: readonly OptionName[] = ['proc', 'without', 'no-kernel-view', 'no-color'];
export const LISTING: readonly OptionName[] = ['columns', 'sort', 'filter'];

/** Why standard output could not be written to, while something is done that must come to its end all the same. */
let lost: { failure: string | null } | undefined;

export const streams: Streams = {
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

/** Gives a command these options, some of them its own, and those that all have. */
export function withOptions(command: Command, options: readonly (OptionName | Option)[]): Command {
  for (const option of [...options, ...EVERYWHERE]) {
    command.addOption(typeof option === 'string' ? OPTIONS[option]() : option);
  }
  return command;
}

/** `<NS>`, `[words...]`: as commander writes it. */
function argumentTerm(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** The command line without its commands. */
export function newProgram(): Command {
  return (
    new Command('nsleuth')
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
      })
  );
}

/** Adds a command. */
export function addCommand(
  program: Command,
  name: string,
  summary: string,
  options: Parameters<typeof withOptions>[1],
): Command {
  return withOptions(program.command(name).description(summary).exitOverride(), options);
}

/** Adds `list`; `finish` receives the exit code. */
export function addList(program: Command, finish: (code: number) => void): void {
  addCommand(program, 'list', 'a table of all network namespaces', ['json', 'csv', ...LISTING]).action(
    async (options: CommandOptions) => finish(await list(options, streams)),
  );
}

/** Lets what changes the host come to its end though nobody reads any more what it says, and says so then. */
export async function withoutReader(run: () => Promise<number>): Promise<number> {
  const reader = { failure: null as string | null };
  lost = reader;
  const code = await run();
  if (reader.failure === null) return code;
  streams.err(`nsleuth: cannot write: ${reader.failure}; the audit trail has what was done\n`);
  return code === EXIT.done ? EXIT.failed : code;
}

/** Runs what was asked for to its end, which is that of the process. `build` makes the command line. */
export function runCommandLine(build: (finish: (code: number) => void) => Command): void {
  // Node takes 10 to 20 ms to take itself apart when it runs out of work, and exit(3) does not. What was written is out.
  void run(build).then(() => process.exit());
}

async function run(build: Parameters<typeof runCommandLine>[0]): Promise<void> {
  try {
    await build((code) => {
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
