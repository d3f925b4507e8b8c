// A recorded run, as film.py packs it, and what it shows at any moment. Times are whole microseconds here; the parts get milliseconds.

const MOST_FLIGHTS = 200;
const LINES_OF_A_KIND = 40;

// The running sums of a column of steps.
function sums(steps) {
  let sum = 0;
  return steps.map((step) => (sum += step));
}

// How many of these rising numbers are not above the limit.
function countUpTo(numbers, limit) {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

// A new value; what did not change is shared with the old one.
function patched(old, patch) {
  if (Array.isArray(patch)) return patch[0];
  const copy = Array.isArray(old) ? [...old] : { ...old };
  for (const [key, change] of Object.entries(patch)) copy[key] = patched(copy[key], change);
  return copy;
}

async function unpack(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Film(JSON.parse(await new Response(stream).text()));
}

class Film {
  constructor(data) {
    Object.assign(this, data);
    this.times = sums(data.at);
    this.pictures = [data.first]; // made as far as anybody has looked, and kept: they share what is the same
    for (const track of [data.messages, data.drops, data.lines]) Object.assign(track, { n: sums(track.n), at: sums(track.at) });
    this.longest = data.messages.lasts.reduce((most, lasts) => Math.max(most, lasts), 0);
    this.dropped = new Map(data.drops.message.map((message, place) => [message, place]));
    this.byKind = this.kinds.map((_, kind) => data.lines.kind.flatMap((one, place) => (one === kind ? [place] : [])));
    this.timesByKind = this.byKind.map((places) => places.map((place) => data.lines.at[place]));
    const moments = [...data.messages.at, ...data.drops.at, ...data.lines.at, this.end];
    this.stops = [...new Set(moments)].sort((one, other) => one - other);
  }

  pictureAt(now) {
    const wanted = countUpTo(this.times, now);
    while (this.pictures.length <= wanted) {
      const latest = this.pictures.length - 1;
      this.pictures.push(patched(this.pictures[latest], this.patches[latest]));
    }
    return this.pictures[wanted];
  }

  // The next moment at which something is told, or the one before; the end or the beginning where there is none.
  stop(now, forward) {
    if (forward) return this.stops[countUpTo(this.stops, now)] ?? this.end;
    return this.stops[countUpTo(this.stops, now - 1) - 1] ?? 0;
  }

  // When the event at this place of the trace happened.
  timeOf(n) {
    const tracks = [this.messages, this.drops, this.lines];
    const found = tracks.map((track) => countUpTo(track.n, n) - 1);
    const track = tracks.findIndex((one, place) => one.n[found[place]] === n);
    return tracks[track].at[found[track]];
  }

  // ---- messages

  flight(number) {
    const { source, target, mark, text, at, lasts } = this.messages;
    const [from, to] = [this.names[source[number]], this.names[target[number]]];
    const label = `${from} → ${to}: ${this.texts[text[number]]}`;
    const span = { sent_ms: at[number] / 1000, deliver_ms: (at[number] + lasts[number]) / 1000 };
    return { ...this.marks[mark[number]], id: number, source: from, target: to, label, ...span };
  }

  // What flies now, and what both left and arrived since `before`: the newest, if they are too many.
  flights(before, now) {
    const found = [];
    for (let number = countUpTo(this.messages.at, now) - 1; number >= 0 && found.length < MOST_FLIGHTS; number -= 1) {
      const sent = this.messages.at[number];
      if (sent + this.longest <= before) break;
      const drop = this.dropped.get(number);
      const end = drop === undefined ? sent + this.messages.lasts[number] : this.drops.at[drop];
      if (end > before) found.push(this.flight(number));
    }
    return found.reverse();
  }

  // Those that were lost in this span.
  losses(from, now) {
    const { at, message, reason } = this.drops;
    const found = [];
    for (let place = countUpTo(at, now) - 1; place >= 0 && at[place] > from; place -= 1) {
      found.push({ ...this.flight(message[place]), at_ms: at[place] / 1000, reason: this.texts[reason[place]] });
    }
    return found.reverse();
  }

  // ---- the feed

  line(place) {
    const { n, at, kind, who, text } = this.lines;
    const names = who[place].map((name) => this.names[name]);
    return { n: n[place], at_ms: at[place] / 1000, kind: this.kinds[kind[place]], who: names, text: this.texts[text[place]] };
  }

  messageLine(n, at, number, said) {
    const { source, target, text } = this.messages;
    const who = [this.names[source[number]], this.names[target[number]]];
    return { n, at_ms: at / 1000, kind: "messages", who, text: `${who[0]} → ${who[1]} ${said}${this.texts[text[number]]}` };
  }

  // The latest lines of each kind, newest first.
  linesAt(now) {
    const latest = (numbers) => {
      const end = countUpTo(numbers, now);
      return Array.from({ length: Math.min(end, LINES_OF_A_KIND) }, (_, back) => end - 1 - back);
    };
    const { messages, drops } = this;
    return [
      ...this.byKind.flatMap((places, kind) => latest(this.timesByKind[kind]).map((one) => this.line(places[one]))),
      ...latest(messages.at).map((one) => this.messageLine(messages.n[one], messages.at[one], one, "")),
      ...latest(drops.at).map((one) =>
        this.messageLine(drops.n[one], drops.at[one], drops.message[one], `dropped (${this.texts[drops.reason[one]]}): `),
      ),
    ].sort((one, other) => other.n - one.n);
  }
}
