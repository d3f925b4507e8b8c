// Where things stand on the ring: servers clockwise from the top, clients outside, each beyond the server that it talks to.

const NARROW_PX = 450;
const LOW_PX = 400;
const MARGIN = 78;

// In a tight place the ring is drawn smaller, not its words: one unit stays about one pixel.
function ringOf(ids, tight) {
  const disc = ids.length > 7 ? 28 : 33;
  const orbit = ids.length === 1 ? 0 : tight ? 112 : 150;
  const seats = new Map(
    ids.map((id, place) => {
      const angle = (2 * Math.PI * place) / ids.length - Math.PI / 2;
      return [id, { x: orbit * Math.cos(angle), y: orbit * Math.sin(angle), angle }];
    }),
  );
  const heights = [...seats.values()].map((seat) => seat.y);
  const top = Math.min(...heights) - MARGIN;
  const half = tight ? 175 : 260;
  const viewBox = `${-half} ${round(top)} ${2 * half} ${round(Math.max(...heights) + MARGIN - top)}`;
  return { seats, disc, edge: disc + 9, tight, viewBox };
}

// From edge to edge between two addresses, or null where neither is on the ring. A client stands radially beyond its server.
function way(ring, source, target) {
  const from = ring.seats.get(source) ?? outside(ring, target);
  const to = ring.seats.get(target) ?? outside(ring, source);
  if (!from || !to) return null;
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const unit = { x: (to.x - from.x) / length, y: (to.y - from.y) / length };
  const start = ring.seats.has(source) ? ring.edge : 0;
  const end = length - (ring.seats.has(target) ? ring.edge : 0);
  return { from, unit, start, end };
}

function outside(ring, server) {
  const seat = ring.seats.get(server);
  if (!seat) return null;
  const far = ring.edge + 30;
  return { x: seat.x + far * Math.cos(seat.angle), y: seat.y + far * Math.sin(seat.angle) };
}

// A point on the way; `aside` keeps to the right of it, so that two that meet do not hide each other.
function pointOn(path, share, aside = 0) {
  const along = path.start + (path.end - path.start) * share;
  return {
    x: path.from.x + path.unit.x * along - path.unit.y * aside,
    y: path.from.y + path.unit.y * along + path.unit.x * aside,
  };
}

function round(number) {
  return Math.round(number * 10) / 10;
}

function moveTo(point) {
  return `translate(${round(point.x)},${round(point.y)})`;
}
