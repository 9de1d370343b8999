import { type ReactElement, useSyncExternalStore } from 'react';
import type { Store } from '../src/store/store.ts';
import { type Mounted, mount } from '../src/terminal/ink.tsx';
import type { Canvas, FramePainter } from '../src/terminal/painter.ts';
import { Screen } from './screens/Screen.tsx';

/** Properties of `App`. */
interface AppProps {
  readonly store: Store;
}

/** The whole screen, redrawn when the store says that there is a new frame. */
function App({ store }: AppProps): ReactElement {
  return <Screen state={useSyncExternalStore(store.subscribe, store.getState)} />;
}

/** Puts the screen on a terminal. */
export function mountApp(store: Store, canvas: Canvas, painter: FramePainter): Mounted {
  return mount(<App store={store} />, canvas, painter);
}
