// Grids of small images on one canvas: hovering or the arrow keys read a pixel.

function decoded([height, width, text]) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return { height, width, values: Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true)) };
}

function imageGridView(host, data, tell) {
  const canvas = element("canvas");
  const tip = element("div", { class: "tip", hidden: "" });
  host.append(canvas, tip);
  let cells = [];
  let place = {};
  let cursor = null;

  function take(next) {
    data = next;
    cells = data.cells.map((row) => row.map((cell) => cell && decoded(cell)));
  }

  function layout() {
    const images = cells.flat().filter(Boolean);
    const wide = Math.max(...images.map((i) => i.width));
    const high = Math.max(...images.map((i) => i.height));
    const names = Math.max(...data.rows.map((r) => textWidth(r))) + 10;
    const left = names + (data.row_axis ? 18 : 0);
    const count = data.columns.length;
    const room = (host.clientWidth - left - 6) / count;
    const slot = Math.max(6, Math.min(room, 84, ((520 / data.rows.length) * wide) / high));
    const gap = Math.min(6, Math.max(2, slot * 0.1));
    // Whole device pixels keep the images' edges sharp.
    const pixel = Math.max(0.25, wide > 24 ? (slot - gap) / wide : Math.floor(slot - gap) / wide);
    const titled = data.columns.some(Boolean) ? 18 : 2;
    place = { left, top: titled, pixel, wide, high, gap, x: pixel * wide + gap, y: pixel * high + gap };
    place.width = Math.max(left + place.x * count, 260);
    place.bottom = titled + place.y * data.rows.length;
    place.height = place.bottom + (data.column_axis ? 18 : 2) + 48;
  }

  function draw() {
    layout();
    const look = theme();
    const pen = cleared(canvas, place);
    pen.font = `11px ${look.sans}`;
    cells.forEach((row, r) => row.forEach((image, c) => drawImage(pen, image, r, c, look)));
    pen.fillStyle = look.ink;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    data.rows.forEach((name, r) => pen.fillText(name, place.left - 6, place.top + r * place.y + (place.y - place.gap) / 2));
    pen.textAlign = "center";
    const widest = Math.max(...data.columns.map((c) => textWidth(c)));
    const every = Math.max(1, Math.ceil((widest + 4) / place.x));
    data.columns.forEach((name, c) => { if (c % every === 0) pen.fillText(name, place.left + c * place.x + (place.x - place.gap) / 2, 8); });
    const middle = place.left + (place.x * data.columns.length) / 2;
    if (data.column_axis) pen.fillText(data.column_axis, middle, place.bottom + 9);
    if (data.row_axis) {
      pen.save();
      pen.translate(8, (place.top + place.bottom) / 2);
      pen.rotate(-Math.PI / 2);
      pen.fillText(data.row_axis, 0, 0);
      pen.restore();
    }
    drawBar(pen, look);
    if (cursor) drawCursor(pen, look);
  }

  function drawImage(pen, image, r, c, look) {
    const [x, y] = [place.left + c * place.x, place.top + r * place.y];
    if (!image) {
      pen.fillStyle = pen.createPattern(hatching(look), "repeat");
      return pen.fillRect(x, y, place.pixel * place.wide, place.pixel * place.high);
    }
    const small = element("canvas", { width: image.width, height: image.height });
    const paint = small.getContext("2d");
    image.values.forEach((v, i) => { paint.fillStyle = scaled(data.colours, v); paint.fillRect(i % image.width, Math.floor(i / image.width), 1, 1); });
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, x, y, place.pixel * image.width, place.pixel * image.height);
  }

  function drawBar(pen, look) {
    const { stops, low, high, ends, label } = data.colours;
    const wide = Math.min(220, place.width - place.left - 10);
    const y = place.height - 42;
    stops.forEach((stop, i) => { pen.fillStyle = stop; pen.fillRect(place.left + (wide * i) / stops.length, y, wide / stops.length + 0.7, 10); });
    pen.fillStyle = look.ink;
    pen.textAlign = "left";
    pen.fillText(`${ends[0]}${written(low, 2)}`, place.left, y + 18);
    pen.textAlign = "right";
    pen.fillText(`${ends[1]}${written(high, 2)}`, place.left + wide, y + 18);
    pen.textAlign = "center";
    pen.fillText(label, place.left + wide / 2, y + 33);
  }

  function drawCursor(pen, look) {
    const x = place.left + Math.floor(cursor.x / place.wide) * place.x + (cursor.x % place.wide) * place.pixel;
    const y = place.top + Math.floor(cursor.y / place.high) * place.y + (cursor.y % place.high) * place.pixel;
    const side = Math.max(place.pixel, 3);
    pen.strokeStyle = look.paper;
    pen.lineWidth = 3;
    pen.strokeRect(x, y, side, side);
    pen.strokeStyle = look.ink;
    pen.lineWidth = 1.5;
    pen.strokeRect(x, y, side, side);
  }

  /** What is at a position that counts pixels through all images. */
  function reading({ x, y }) {
    const [c, r] = [Math.floor(x / place.wide), Math.floor(y / place.high)];
    const image = cells[r] && cells[r][c];
    const names = [[data.row_axis, data.rows[r]], [data.column_axis, data.columns[c]]];
    const heading = names.filter(([, name]) => name).map(([axis, name]) => `${axis} ${name}`.trim()).join(", ");
    if (!image) return [heading, "not measured"];
    const [px, py] = [x % place.wide, y % place.high];
    if (px >= image.width || py >= image.height) return null;
    const v = image.values[py * image.width + px];
    return [`${heading}, row ${py}, column ${px}`, `${data.colours.label} ${written(v)}`, scaled(data.colours, v)];
  }

  function point(at, aloud) {
    cursor = at;
    const found = at && reading(at);
    draw();
    if (!found) { tip.hidden = true; return; }
    const value = found[1];
    tip.replaceChildren(readout(found[0], [{ name: value, value: "", colour: found[2] }]));
    tip.hidden = false;
    const x = place.left + Math.floor(at.x / place.wide) * place.x + (at.x % place.wide) * place.pixel;
    const y = place.top + Math.floor(at.y / place.high) * place.y + (at.y % place.high) * place.pixel;
    tip.style.left = `${Math.max(0, Math.min(x + 16, host.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${y + place.pixel + 10}px`;
    if (aloud) tell(`${found[0]}: ${value}`);
  }

  canvas.addEventListener("mousemove", (event) => {
    const scale = place.width / canvas.clientWidth;
    const [x, y] = [event.offsetX * scale - place.left, event.offsetY * scale - place.top];
    const [c, r] = [Math.floor(x / place.x), Math.floor(y / place.y)];
    const [px, py] = [Math.floor((x - c * place.x) / place.pixel), Math.floor((y - r * place.y) / place.pixel)];
    const inside = x >= 0 && y >= 0 && c < data.columns.length && r < data.rows.length && px < place.wide && py < place.high;
    const next = inside ? { x: c * place.wide + px, y: r * place.high + py } : null;
    if (JSON.stringify(next) !== JSON.stringify(cursor)) point(next, false);
  });
  canvas.addEventListener("mouseleave", () => point(null, false));

  take(data);
  return {
    tools: [], draw,
    hint: "Arrow keys read pixels, Escape closes.",
    set(next) { take(next); draw(); if (cursor) point(cursor, false); },
    key(key) {
      const [w, h] = [place.wide * data.columns.length, place.high * data.rows.length];
      const moves = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
      if (!moves[key]) return false;
      const [dx, dy] = cursor ? moves[key] : [0, 0];
      const from = cursor || { x: 0, y: 0 };
      point({ x: (from.x + dx + w) % w, y: (from.y + dy + h) % h }, true);
      return true;
    },
    hush() { point(null, false); },
  };
}
