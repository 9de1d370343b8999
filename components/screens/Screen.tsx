import type { ReactElement } from 'react';
import { footerLine } from '../../src/actions/help.ts';
import { actionsHere } from '../../src/actions/index.ts';
import { layoutScreen, SMALLEST } from '../../src/store/layout.ts';
import type { ScreenState } from '../../src/store/state.ts';
import { clock } from '../../src/store/time.ts';
import { Box, TextLine } from '../../src/terminal/ink.tsx';
import { span } from '../../src/terminal/style.ts';
import { Dialog } from '../dialogs/Dialog.tsx';
import { Detail } from '../panels/Detail.tsx';
import { headerLines, statusLine } from '../panels/header-lines.ts';
import { Lines } from '../panels/Lines.tsx';
import { Table } from '../panels/Table.tsx';
import { Topology } from './Topology.tsx';

/** Properties of `Screen`. */
interface ScreenProps {
  readonly state: ScreenState;
}

/** What is between the header and the status line: table and detail, the topology, or a dialog. */
function Body({ state }: ScreenProps): ReactElement {
  const { size, opened, dialog, topology } = state;
  const { table, detail, body } = layoutScreen(size, opened);
  if (dialog !== null) return <Dialog state={state} dialog={dialog} height={body} />;
  if (topology !== null) return <Topology state={state} view={topology} height={body} />;
  return (
    <>
      {!opened && <Table state={state} height={table} />}
      {detail > 0 && <Detail state={state} height={detail} />}
    </>
  );
}

/** Header, body, status line and footer: exactly as many rows as the terminal has. */
export function Screen({ state }: ScreenProps): ReactElement {
  const { size, color, opened } = state;
  const layout = layoutScreen(size, opened);
  if (layout.tooSmall) {
    const lines = [
      [span(`${size.columns}×${size.rows} is too small,`)],
      [span(`nsleuth needs ${SMALLEST.columns}×${SMALLEST.rows}`)],
    ];
    return <Lines lines={lines} height={size.rows} width={size.columns} color={color} />;
  }
  return (
    <Box flexDirection="column" height={size.rows}>
      <Lines
        lines={headerLines(state, layout.header)}
        height={layout.header + layout.air}
        width={size.columns}
        color={color}
      />
      <Body state={state} />
      <TextLine line={statusLine(state, clock)} width={size.columns} color={color} />
      <TextLine line={footerLine(actionsHere(state), size.columns)} width={size.columns} color={color} />
    </Box>
  );
}
