import type { ReactElement } from 'react';
import { Box, TextLine } from '../../src/terminal/ink.tsx';
import type { Line } from '../../src/terminal/style.ts';

/** Properties of `Lines`. */
interface LinesProps {
  readonly lines: readonly Line[];
  /** Rows to fill; what is missing is blank. */
  readonly height: number;
  readonly width: number;
  readonly color: boolean;
}

const NOTHING: Line = [];

/** A block of lines. Rows are told apart by their place, so scrolling changes texts and creates no nodes. */
export function Lines({ lines, height, width, color }: LinesProps): ReactElement {
  return (
    <Box flexDirection="column" height={height} flexShrink={0}>
      {Array.from({ length: height }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row of the screen is its place
        <TextLine key={index} line={lines[index] ?? NOTHING} width={width} color={color} />
      ))}
    </Box>
  );
}
