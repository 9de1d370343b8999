import type { KernelData } from '../../collectors/kernel.ts';

/** FNV-1a over 32-bit numbers: cheap, and a change that slips through is seen at the next full look. */
class Hash {
  #value = 0x811c9dc5;

  add(number: number): void {
    this.#value = Math.imul(this.#value ^ (number | 0), 0x01000193);
    // What does not fit into 32 bits counts as well: start times, inode numbers.
    if (number > 0xffff_ffff) this.#value = Math.imul(this.#value ^ Math.floor(number / 2 ** 32), 0x01000193);
  }

  text(text: string): void {
    for (let at = 0; at < text.length; at++) this.add(text.charCodeAt(at));
  }

  get value(): number {
    return this.#value >>> 0;
  }
}

/** Two numbers that stay the same as long as what they stand for does. */
export interface Fingerprint {
  /** What userland's evidence depends on: which processes, descriptors, mounts and namespaces there are. */
  readonly holders: number;
  /** Everything of the kernel's view that is shown, but for reference counts: those never stand still. */
  readonly view: number;
}

/**
 * What the kernel's view says, in short. Kernel threads are left out of `holders`: they come and go all the time, and
 * never leave the initial namespaces.
 */
export function fingerprint({ namespaces, tasks, pins, devices, stack }: KernelData): Fingerprint {
  const holders = new Hash();
  const view = new Hash();
  for (const { ino, cookie, count, departed } of namespaces) {
    for (const hash of [holders, view]) {
      hash.add(ino);
      hash.text(cookie ?? '');
      hash.add(departed ? 1 : count === 0 ? 2 : 3);
    }
  }
  for (const task of tasks) {
    if (task.kernelThread) continue;
    for (const number of [
      task.tid,
      task.startTicks,
      task.netns,
      task.mountNamespace,
      task.mountEvent,
      task.userNamespace,
      task.uid,
      task.zombie ? 1 : 0,
    ]) {
      holders.add(number);
    }
    holders.text(task.comm);
  }
  for (const { tid, fd, netns, inode, slot, deviceNetns, state } of pins) {
    // Without a descriptor it was found by a deeper look, which is not taken every time.
    if (fd < 0) continue;
    for (const number of [tid, fd, netns, inode, slot, deviceNetns, state]) holders.add(number);
  }
  for (const device of devices) {
    for (const number of [device.netns, device.ifindex, device.flags, device.mtu, device.operstate]) view.add(number);
    view.add(device.peer?.ifindex ?? -1);
    view.text(device.name);
  }
  for (const { netns, ifindex, lowerNetns, lowerIfindex } of stack) {
    for (const number of [netns, ifindex, lowerNetns, lowerIfindex]) view.add(number);
  }
  return { holders: holders.value, view: view.value };
}
