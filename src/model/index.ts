export * from './coverage.ts';
export type * from './device.ts';
export type * from './firewall.ts';
export * from './holder.ts';
export * from './namespace.ts';
export type * from './network.ts';
export * from './snapshot.ts';
export type * from './socket.ts';
export type * from './text.ts';
