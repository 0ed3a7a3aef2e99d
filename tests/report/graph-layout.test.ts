import fc from "fast-check";
import { layOutGraph, nodeSize, withoutDetours, type GraphNode } from "../../report/page/graph-layout";

const diamond: GraphNode[] = [
  { id: "network", after: [] },
  { id: "db", after: ["network"] },
  { id: "store", after: ["network"] },
  { id: "api", after: ["db", "store", "network"] },
  { id: "tests", after: ["api", "network", "gone"] },
];

test("lines that say nothing new are left out", () => {
  expect(withoutDetours(diamond)).toEqual([
    { from: "network", to: "db" },
    { from: "network", to: "store" },
    { from: "db", to: "api" },
    { from: "store", to: "api" },
    { from: "api", to: "tests" },
  ]);
});

test("what comes after stands further right, and nothing stands upon another, in circles too", () => {
  const graph = fc
    .integer({ min: 1, max: 25 })
    .chain((size) =>
      fc
        .tuple(...Array.from({ length: size }, () => fc.array(fc.integer({ min: 0, max: size - 1 }), { maxLength: 5 })))
        .map((all) => all.map((after, i): GraphNode => ({ id: String(i), after: after.map(String) }))),
    );
  fc.assert(
    fc.property(graph, (nodes) => {
      const { nodes: places, edges, width, height } = layOutGraph(nodes);
      const all = [...places.values()];
      expect(all).toHaveLength(nodes.length);
      for (const { x, y } of all) {
        expect(x).toBeGreaterThanOrEqual(0);
        expect(y).toBeGreaterThanOrEqual(0);
        expect(x + nodeSize.width).toBeLessThanOrEqual(width);
        expect(y + nodeSize.height).toBeLessThanOrEqual(height);
      }
      for (const [i, a] of all.entries()) {
        for (const b of all.slice(i + 1)) {
          if (a.x === b.x) expect(Math.abs(a.y - b.y)).toBeGreaterThanOrEqual(nodeSize.height);
        }
      }
      for (const { from, to } of edges) expect(places.get(from)!.x).toBeLessThan(places.get(to)!.x);
    }),
    { numRuns: 200 },
  );
});
