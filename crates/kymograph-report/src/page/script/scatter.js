// Clouds of points on one canvas: hovering or the arrow keys read a point, a button a class hides the others.

function scatterView(host, data, tell) {
  const canvas = element("canvas");
  const tip = element("div", { class: "tip", hidden: "" });
  host.append(canvas, tip);
  let panels = [];
  let place = {};
  let cursor = null;
  let alone = null;

  function take(next) {
    data = next;
    panels = data.panels.map((panel) => {
      const { values } = decoded([1, 2 * panel.classes.length, panel.points]);
      return { ...panel, x: values.filter((_, i) => i % 2 === 0), y: values.filter((_, i) => i % 2 === 1) };
    });
  }

  function layout() {
    const columns = abreast(panels.length, host.clientWidth, 170);
    const ticks = Math.max(...panels.map((p) => (p.labels[1] ? 24 + Math.max(...p.axes[1].ticks.map((t) => textWidth(t[1]))) : 4)));
    const side = Math.min(420, host.clientWidth / columns - ticks - 12);
    const below = panels.some((p) => p.labels[0]) ? 40 : 8;
    place = { columns, side, ticks, wide: side + ticks + 12, high: 18 + side + below };
    place.width = place.wide * columns;
    place.height = place.high * Math.ceil(panels.length / columns);
  }

  const corner = (p) => [(p % place.columns) * place.wide + place.ticks, Math.floor(p / place.columns) * place.high + 18];

  function spot(p, x, y) {
    const [left, top] = corner(p);
    const along = (axis, v) => (v - axis.range[0]) / (axis.range[1] - axis.range[0]);
    const [horizontal, vertical] = panels[p].axes;
    return [left + along(horizontal, x) * place.side, top + (1 - along(vertical, y)) * place.side];
  }

  function draw() {
    layout();
    const look = theme();
    const pen = cleared(canvas, place);
    panels.forEach((panel, p) => { drawFrame(pen, panel, p, look); drawPoints(pen, panel, p, look); });
    if (cursor) {
      const [x, y] = spot(cursor.p, panels[cursor.p].x[cursor.i], panels[cursor.p].y[cursor.i]);
      pen.strokeStyle = look.ink;
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.arc(x, y, 6, 0, 2 * Math.PI);
      pen.stroke();
    }
  }

  function drawFrame(pen, panel, p, look) {
    const [left, top] = corner(p);
    pen.strokeStyle = look.grid;
    pen.lineWidth = 1;
    pen.strokeRect(left, top, place.side, place.side);
    pen.fillStyle = look.ink;
    pen.font = `bold 12px ${look.sans}`;
    pen.textBaseline = "alphabetic";
    pen.textAlign = "left";
    pen.fillText(panel.title, left, top - 5, place.side);
    pen.font = `11px ${look.sans}`;
    const [horizontal, vertical] = panel.axes;
    if (panel.labels[0]) {
      pen.textAlign = "center";
      for (const [value, label] of horizontal.ticks) if (label) pen.fillText(label, spot(p, value, 0)[0], top + place.side + 13);
      pen.fillText(panel.labels[0], left + place.side / 2, top + place.side + 29);
    }
    if (panel.labels[1]) {
      pen.textAlign = "right";
      for (const [value, label] of vertical.ticks) if (label) pen.fillText(label, left - 5, spot(p, 0, value)[1] + 4);
      pen.save();
      pen.translate(left - place.ticks + 10, top + place.side / 2);
      pen.rotate(-Math.PI / 2);
      pen.textAlign = "center";
      pen.fillText(panel.labels[1], 0, 0);
      pen.restore();
    }
  }

  function drawPoints(pen, panel, p, look) {
    const count = panel.classes.length;
    const size = count <= 60 ? 3.4 : count <= 400 ? 2.6 : count <= 3000 ? 1.7 : 1.1;
    // In an order that mixes the classes, so that none veils the others; 7919 is prime.
    for (let k = 0; k < count; k += 1) {
      const i = count % 7919 === 0 ? k : (k * 7919) % count;
      const { colour, marker } = data.classes[panel.classes[i]];
      pen.globalAlpha = alone === null || alone === panel.classes[i] ? 1 : 0.07;
      pen.fillStyle = colour;
      pen.strokeStyle = colour;
      mark(pen, count <= 400 ? marker : "circle", ...spot(p, panel.x[i], panel.y[i]), size);
    }
    pen.globalAlpha = 1;
    if (data.named_in_place) data.classes.forEach(({ name }, c) => drawName(pen, panel, p, name, c, look));
  }

  function mark(pen, marker, x, y, r) {
    pen.beginPath();
    if (marker === "square") pen.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
    else if (marker === "circle") pen.arc(x, y, r, 0, 2 * Math.PI);
    else if (marker === "diamond") [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]].forEach(([a, b]) => pen.lineTo(x + a * r, y + b * r));
    else if (marker === "cross") {
      pen.lineWidth = r * 0.6;
      pen.moveTo(x - r, y - r); pen.lineTo(x + r, y + r); pen.moveTo(x - r, y + r); pen.lineTo(x + r, y - r);
      return pen.stroke();
    } else {
      const up = marker === "triangle" ? 1 : -1;
      [[0, -1.25], [1.15, 0.8], [-1.15, 0.8]].forEach(([a, b]) => pen.lineTo(x + a * r, y + up * b * r));
    }
    pen.fill();
  }

  function drawName(pen, panel, p, name, c, look) {
    const middle = (values) => {
      const own = values.filter((_, i) => panel.classes[i] === c).sort((a, b) => a - b);
      return own[Math.floor(own.length / 2)];
    };
    const [x, y] = [middle(panel.x), middle(panel.y)];
    if (x === undefined) return;
    const [at, up] = spot(p, x, y);
    const wide = textWidth(name) + 5;
    pen.globalAlpha = 0.72;
    pen.fillStyle = look.paper;
    pen.fillRect(at - wide / 2, up - 7, wide, 14);
    pen.globalAlpha = 1;
    pen.fillStyle = look.ink;
    pen.font = `bold 11px ${look.sans}`;
    pen.textAlign = "center";
    pen.fillText(name, at, up + 4);
  }

  function point(at, aloud) {
    cursor = at;
    draw();
    tip.hidden = !at;
    if (!at) return;
    const panel = panels[at.p];
    const { name, colour } = data.classes[panel.classes[at.i]];
    const heading = [panel.title, panel.names[at.i] || `point ${at.i}`].filter(Boolean).join(": ");
    const lines = name ? [{ name, value: "", colour }] : [];
    panel.labels.forEach((label, axis) => { if (label) lines.push({ name: label, value: written((axis ? panel.y : panel.x)[at.i]) }); });
    tip.replaceChildren(readout(heading, lines));
    tip.hidden = false;
    const [x, y] = spot(at.p, panel.x[at.i], panel.y[at.i]);
    tip.style.left = `${Math.max(0, Math.min(x + 12, host.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${y + 12}px`;
    if (aloud) tell(`${heading}: ${lines.map((line) => `${line.name} ${line.value}`.trim()).join(", ")}`);
  }

  canvas.addEventListener("mousemove", (event) => {
    const scale = place.width / canvas.clientWidth;
    const [x, y] = [event.offsetX * scale, event.offsetY * scale];
    const p = Math.floor(y / place.high) * place.columns + Math.floor(x / place.wide);
    let best = null;
    let least = 12 ** 2;
    if (panels[p]) {
      panels[p].classes.forEach((c, i) => {
        if (alone !== null && c !== alone) return;
        const [a, b] = spot(p, panels[p].x[i], panels[p].y[i]);
        const away = (a - x) ** 2 + (b - y) ** 2;
        if (away < least) [best, least] = [{ p, i }, away];
      });
    }
    if (JSON.stringify(best) !== JSON.stringify(cursor)) point(best, false);
  });
  canvas.addEventListener("mouseleave", () => point(null, false));

  take(data);
  const buttons = data.classes.filter(({ name }) => name).map(({ name }) => {
    const button = toggle(name, false, (on) => {
      alone = on ? data.classes.findIndex((c) => c.name === name) : null;
      buttons.forEach((other) => { if (other !== button) other.setAttribute("aria-pressed", "false"); });
      draw();
    });
    return button;
  });
  return {
    tools: buttons, draw,
    hint: "Left and right read points, up and down change the panel, Escape closes.",
    set(next) {
      take(next);
      if (cursor && !(panels[cursor.p] && cursor.i < panels[cursor.p].classes.length)) cursor = null;
      draw();
      if (cursor) point(cursor, false);
    },
    key(key) {
      const moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
      if (!moves[key]) return false;
      const filled = panels.map((panel, p) => [panel.classes.length, p]).filter(([n]) => n > 0).map(([, p]) => p);
      const at = cursor ? Math.max(0, filled.indexOf(cursor.p)) : 0;
      const [across, along] = cursor ? moves[key] : [0, 0];
      const p = filled[(at + across + filled.length) % filled.length];
      const n = panels[p].classes.length;
      point({ p, i: ((cursor ? cursor.i : 0) + along + n) % n }, true);
      return true;
    },
    hush() { point(null, false); },
  };
}
