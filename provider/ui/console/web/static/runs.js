// Runs tests of connections.
import { post } from "./api.js";

/** Tests that run at the same time when all are tested. */
export const MAX_TESTS = 3;

const underWay = new Map();

/** Test a connection; a second caller gets the run under way. */
export function test(id) {
  if (!underWay.has(id)) {
    underWay.set(id, post("api/test", { connection: id }).finally(() => underWay.delete(id)));
  }
  return underWay.get(id);
}

/** Do `work` with each item, a few at a time. */
export async function each(items, work) {
  const queue = [...items];
  const worker = async () => {
    while (queue.length) await work(queue.shift());
  };
  await Promise.all(Array.from({ length: MAX_TESTS }, worker));
}
