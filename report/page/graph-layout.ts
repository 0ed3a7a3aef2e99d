/** A node to be placed, and what it comes after. */
export interface GraphNode {
  id: string;
  after: string[];
}

export interface GraphLayout {
  width: number;
  height: number;
  /** The upper left corner of each node. */
  nodes: Map<string, { x: number; y: number }>;
  /** Each line's points, from what comes first. */
  edges: { from: string; to: string; points: [number, number][] }[];
}

export const nodeSize = { width: 168, height: 46 };
const gap = { x: 64, y: 18 };
const margin = 16;

interface Place {
  id: string;
  layer: number;
  y: number;
  height: number;
  before: Place[];
  behind: Place[];
}

/**
 * Places nodes in layers from left to right, each behind all that it comes after. Lines that say nothing new, since
 * others lead the same way, are left out; long ones go around the nodes between.
 */
export function layOutGraph(nodes: GraphNode[]): GraphLayout {
  const edges = withoutDetours(nodes);
  const layers = layerOf(nodes, edges);
  const places = new Map<string, Place>();
  const columns: Place[][] = [];
  const add = (id: string, layer: number, height: number): Place => {
    const place: Place = { id, layer, y: 0, height, before: [], behind: [] };
    (columns[layer] ??= []).push(place);
    return place;
  };
  for (const { id } of nodes) places.set(id, add(id, layers.get(id)!, nodeSize.height));
  const routes = edges.map(({ from, to }) => {
    const route = [places.get(from)!];
    // A long line has a place of its own in every layer that it crosses.
    for (let layer = layers.get(from)! + 1; layer < layers.get(to)!; layer++) route.push(add("", layer, 10));
    route.push(places.get(to)!);
    for (let i = 1; i < route.length; i++) {
      route[i - 1]!.behind.push(route[i]!);
      route[i]!.before.push(route[i - 1]!);
    }
    return { from, to, route };
  });

  columns.forEach(stack);
  for (let round = 0; round < 12; round++) {
    const isForwards = round % 2 === 0;
    for (const column of isForwards ? columns : [...columns].reverse()) {
      pull(column, (place) => (isForwards ? place.before : place.behind), round < 8);
    }
  }
  const top = Math.min(0, ...columns.flat().map(({ y }) => y));
  const x = (layer: number) => margin + layer * (nodeSize.width + gap.x);
  const y = (place: Place) => margin + place.y - top;
  const middle = (place: Place) => y(place) + place.height / 2;
  return {
    width: x(columns.length) - gap.x + margin,
    height: Math.max(...columns.flat().map((place) => y(place) + place.height), 0) + margin,
    nodes: new Map([...places].map(([id, place]) => [id, { x: x(place.layer), y: y(place) }])),
    edges: routes.map(({ from, to, route }) => ({
      from,
      to,
      points: route.flatMap((place, i): [number, number][] => {
        const left = x(place.layer);
        if (i === 0) return [[left + nodeSize.width, middle(place)]];
        if (i === route.length - 1) return [[left, middle(place)]];
        return [
          [left, middle(place)],
          [left + nodeSize.width, middle(place)],
        ];
      }),
    })),
  };
}

/** Edges whose end no other way leads to. Those that would close a circle are left out. */
export function withoutDetours(nodes: GraphNode[]): { from: string; to: string }[] {
  const after = new Map(nodes.map(({ id, after }) => [id, new Set(after)]));
  for (const [id, others] of after)
    for (const other of others) if (!after.has(other) || other === id) others.delete(other);
  /** All that comes before a node. */
  const all = new Map<string, Set<string>>();
  const visiting = new Set<string>();
  const before = (id: string): Set<string> => {
    const known = all.get(id);
    if (known) return known;
    visiting.add(id);
    const result = new Set<string>();
    for (const other of after.get(id)!) {
      if (visiting.has(other)) {
        after.get(id)!.delete(other);
        continue;
      }
      result.add(other);
      for (const further of before(other)) result.add(further);
    }
    visiting.delete(id);
    all.set(id, result);
    return result;
  };
  for (const { id } of nodes) before(id);
  return nodes.flatMap(({ id }) => {
    const direct = [...after.get(id)!];
    return direct
      .filter((other) => !direct.some((third) => third !== other && all.get(third)!.has(other)))
      .map((from) => ({ from, to: id }));
  });
}

function layerOf(nodes: GraphNode[], edges: { from: string; to: string }[]): Map<string, number> {
  const layers = new Map<string, number>();
  const before = new Map<string, string[]>();
  const behind = new Set<string>();
  for (const { from, to } of edges) {
    before.set(to, [...(before.get(to) ?? []), from]);
    behind.add(from);
  }
  const layer = (id: string): number => {
    const known = layers.get(id);
    if (known !== undefined) return known;
    const own = Math.max(-1, ...(before.get(id) ?? []).map(layer)) + 1;
    layers.set(id, own);
    return own;
  };
  for (const { id } of nodes) layer(id);
  // What begins late stands near what waits for it.
  for (const { id } of nodes) {
    if ((before.get(id) ?? []).length > 0) continue;
    const next = edges.filter(({ from }) => from === id).map(({ to }) => layers.get(to)!);
    if (next.length > 0) layers.set(id, Math.min(...next) - 1);
  }
  return layers;
}

function stack(column: Place[]): void {
  let y = 0;
  for (const place of column) {
    place.y = y;
    y += place.height + gap.y;
  }
}

/** Moves each place to the middle of its neighbours, as far as the others of its column let it. */
function pull(column: Place[], neighbours: (place: Place) => Place[], reorder: boolean): void {
  const centre = (place: Place) => place.y + place.height / 2;
  const wish = new Map(
    column.map((place) => {
      const others = neighbours(place);
      if (others.length === 0) return [place, place.y];
      return [place, others.reduce((sum, other) => sum + centre(other), 0) / others.length - place.height / 2];
    }),
  );
  if (reorder) column.sort((a, b) => wish.get(a)! - wish.get(b)!);
  let floor = Number.NEGATIVE_INFINITY;
  for (const place of column) {
    place.y = Math.max(wish.get(place)!, floor);
    floor = place.y + place.height + gap.y;
  }
  // Pushed down by each other, they are too low all together.
  const tooLow = column.reduce((sum, place) => sum + place.y - wish.get(place)!, 0) / Math.max(column.length, 1);
  for (const place of column) place.y -= tooLow;
}
