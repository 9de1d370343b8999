import { afterAll, afterEach, beforeEach } from 'vitest';
import { Stage } from './acting.ts';
import { Scene } from './scene.ts';

/** For all tests of the file that imports it. */
export const stage = new Stage();
/** For each of its tests a new one, which ends with the test. */
export let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.end());
afterAll(() => stage.close());
