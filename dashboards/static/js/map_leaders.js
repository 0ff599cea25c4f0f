/** Lines from points to their labels at the side, as a cartographer draws them: none crosses another, no label hides one. */

const GAP_PX = 6;
const ELBOW_PX = 10;

/**
 * Place labels to the right of their points. Where each may stand at the height of its own point, lines are level and
 * each label stands as far left as it may; else the labels make a column, in the order that leaves the lines shortest.
 * @param {{x: number, y: number, width: number, height: number, reach: number}[]} calls a point in pixels, the size of its
 *   label, and how far right the line must go at least (the edge of the commune at that height)
 * @param {{width: number, top: number, bottom: number}} room pixels of the map, and the heights between which labels may lie
 * @returns {({x: number, y: number, line: [number, number][]} | null)[]} in the order of `calls`: left edge and middle of
 *   each label, and its line; null where there is no room to the right of a point
 */
export function leaders(calls, room) {
  const column = Math.min(...calls.map(({ width }) => room.width - width - GAP_PX));
  const roomy = calls.map((_, place) => place).filter((place) => calls[place].x + 3 * ELBOW_PX <= column);
  roomy.sort((a, b) => calls[a].y - calls[b].y || calls[a].x - calls[b].x);
  const slot = Math.max(...calls.map(({ height }) => height)) + GAP_PX;
  const ys = heights(roomy.map((place) => calls[place].y), slot, room);
  const lefts = roomy.map((place) => Math.min(column, Math.max(calls[place].reach, calls[place].x + 3 * ELBOW_PX)));
  const isLevel = roomy.every((place, order) => Math.abs(calls[place].y - ys[order]) < 1);
  const found = calls.map(() => null);
  if (isLevel) roomy.forEach((place, order) => (found[place] = level(calls[place], lefts[order])));
  else {
    const left = Math.max(...lefts);
    const placed = roomy.map((place, order) => ({ call: calls[place], place, y: ys[order] }));
    uncross(placed, left - GAP_PX - ELBOW_PX);
    for (const { call, place, y } of placed) found[place] = { x: left, y, line: [[call.x, call.y], [left - GAP_PX - ELBOW_PX, y], [left - GAP_PX, y]] };
  }
  return found;
}

const level = ({ x, y }, left) => ({ x: left, y, line: [[x, y], [left - GAP_PX, y]] });

/** Heights of labels in their order, each as near to its point as its neighbours let it. */
function heights(ys, slot, { top, bottom }) {
  const start = ({ sum, n }) => Math.max(top, Math.min(bottom - n * slot, sum / n - (n * slot) / 2));
  const blocks = [];
  for (const y of ys) {
    let block = { sum: y, n: 1 };
    // Labels that would lie on each other form a block, which lies around the middle of its points.
    while (blocks.length && start(blocks.at(-1)) + blocks.at(-1).n * slot > start(block)) {
      const before = blocks.pop();
      block = { sum: before.sum + block.sum, n: before.n + block.n };
    }
    blocks.push(block);
  }
  return blocks.flatMap((block) => Array.from({ length: block.n }, (_, place) => start(block) + (place + 0.5) * slot));
}

/** Exchange heights while two lines cross: each exchange makes the lines shorter, so that it ends. */
function uncross(placed, elbow) {
  const lineOf = ({ call, y }) => [[call.x, call.y], [elbow, y]];
  for (let crossed = true; crossed; ) {
    crossed = false;
    for (const one of placed) {
      for (const other of placed) {
        if (one === other || !crosses(lineOf(one), lineOf(other))) continue;
        [one.y, other.y] = [other.y, one.y];
        crossed = true;
      }
    }
  }
}

const side = ([ax, ay], [bx, by], [cx, cy]) => Math.sign((bx - ax) * (cy - ay) - (by - ay) * (cx - ax));

const crosses = ([a, b], [c, d]) => side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
