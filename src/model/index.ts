export * from './coverage.ts';
export * from './holder.ts';
export * from './namespace.ts';
export * from './snapshot.ts';
export type * from './text.ts';
