import { firstFrame } from '../../components/screens/first-frame.ts';
import type { ActionContext } from '../actions/action.ts';
import { pressKey } from '../actions/dispatch.ts';
import { FilterError } from '../columns/filter.ts';
import { CommandError, EXIT } from '../errors.ts';
import { Actions } from '../store/actions.ts';
import { Scanner } from '../store/scanner.ts';
import { initialState, type ScreenState } from '../store/state.ts';
import { Store } from '../store/store.ts';
import { FullScreen } from '../terminal/fullscreen.ts';
import { readKeys } from '../terminal/keyboard.ts';
import type { Key } from '../terminal/keys.ts';
import { runProgram } from '../terminal/lent.ts';
import { FramePainter } from '../terminal/painter.ts';
import { safeText } from '../terminal/sanitise.ts';

/** What the command line asks of the screen. */
export interface ScreenOptions {
  readonly procRoot: string;
  /** Collectors to leave out, by name. */
  readonly without: readonly string[];
  /** Ids of the columns to show. */
  readonly columns?: readonly string[];
  /** Id of the column to sort by, `-` in front for the other way round. */
  readonly sort?: string;
  readonly filter?: string;
  readonly color: boolean;
  readonly intervalMs?: number;
  /** Offer nothing that changes the host. */
  readonly readOnly?: boolean;
}

/** What the screen works with; tests put their own in place. */
export interface ScreenDependencies {
  /** Script of the collector thread. */
  readonly workerScript: URL;
}

/** What V8 has by itself (11.3), and src/launcher.cjs takes away from what is over soon. */
const USUAL_BUDGET = '--interrupt-budget=135168';

/** Beside the bundle this file ends up in. */
const BUNDLED: ScreenDependencies = { workerScript: new URL('./worker.js', import.meta.url) };

/**
 * The live screen. Resolves to the exit code when the user leaves it, or at once when it cannot be opened, which it
 * says on stderr; on a signal or a crash the process ends, with the terminal as it was found.
 */
export async function runScreen(
  options: ScreenOptions,
  { workerScript }: ScreenDependencies = BUNDLED,
): Promise<number> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) {
    process.stderr.write('nsleuth: the screen needs a terminal on standard input and output; try "nsleuth list"\n');
    return EXIT.failed;
  }
  process.getBuiltinModule('node:v8').setFlagsFromString(USUAL_BUDGET);
  const { columns, sort, filter, color, intervalMs, readOnly } = options;
  // A serial console says 0: it does not know, and is taken for the usual one.
  const size = () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 });
  let state: ScreenState;
  try {
    state = initialState({ size: size(), color, columns, sort, filter, intervalMs, readOnly });
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof FilterError)) throw error;
    process.stderr.write(`nsleuth: ${safeText(error.message)}\n`);
    return EXIT.usage;
  }
  const store = new Store(state);

  // The first scan runs while Ink is being loaded.
  const collecting = { procRoot: options.procRoot, without: options.without };
  const scanner = new Scanner(store, workerScript, collecting);
  const actions = new Actions(store, workerScript, collecting, scanner.scan);
  let closed = false;
  let stopReading = (): void => {};
  let unmount = (): void => {};
  const painter = new FramePainter(stdout);
  const screen = new FullScreen({ input: stdin, output: stdout, painter });
  const resize = (): void => {
    painter.invalidate();
    store.dispatch({ type: 'resize', size: size() });
  };
  const hangUp = (): void => screen.raise('SIGHUP');

  try {
    store.subscribe(scanner.look);
    screen.enter();
    painter.paint(firstFrame(store.getState()));
    stdout.on('resize', resize).on('error', hangUp);
    stdin.on('end', hangUp).on('error', hangUp);
    return await new Promise<number>((resolve, reject) => {
      const context: ActionContext = {
        dispatch: store.dispatch,
        getState: store.getState,
        effects: {
          quit: () => resolve(0),
          interrupt: () => screen.raise('SIGINT'),
          suspend: () => screen.suspend(),
          scan: scanner.scan,
          reschedule: scanner.reschedule,
          ruleset: scanner.ruleset,
          redraw: () => painter.start(),
          plan: actions.plan,
          perform: actions.perform,
          stopPlan: actions.stop,
          dropPlan: actions.drop,
          lend: (argv, pause) => void lend(argv, pause).catch(reject),
        },
      };
      const onKey = (key: Key): void => pressKey(key, context);
      const lend = async (argv: readonly string[], pause: boolean): Promise<void> => {
        stopReading();
        let said = '';
        await screen.lend(async () => {
          said = await runProgram(argv, pause);
        });
        if (closed) return;
        stopReading = readKeys(stdin, onKey);
        resize();
        scanner.scan();
        store.dispatch({ type: 'status', text: said, at: Date.now() });
      };
      stopReading = readKeys(stdin, onKey);
      void import('../../components/App.tsx').then(({ mountApp }) => {
        if (closed) return;
        const mounted = mountApp(store, stdout, painter);
        unmount = mounted.unmount;
        mounted.ended.catch(reject);
      }, reject);
    });
  } finally {
    closed = true;
    stopReading();
    unmount();
    store.close();
    stdout.off('resize', resize).off('error', hangUp);
    stdin.off('end', hangUp).off('error', hangUp);
    screen.leave();
    actions.drop();
    await scanner.close();
  }
}
