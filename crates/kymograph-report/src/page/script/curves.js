// Curves over steps: hovering or the arrow keys read values, series can be left out, steps can be zoomed.

const STEP_SCALES = {
  linear: { to: (v) => v, from: (v) => v },
  log: { to: (v) => Math.log10(v), from: (v) => 10 ** v },
  symlog: { to: (v) => (v <= 1 ? v : 1 + Math.log2(v)), from: (v) => (v <= 1 ? v : 2 ** (v - 1)) },
};

const MARKERS = {
  circle: "circle",
  square: "rect",
  triangle: "triangle",
  diamond: "diamond",
  cross: "path://M0,2L2,0L5,3L8,0L10,2L7,5L10,8L8,10L5,7L2,10L0,8L3,5Z",
  "triangle down": "path://M0,0L10,0L5,9Z",
};
/** Steps above which only the labelled ones could be told apart, so that no tick is drawn. */
const MOST_TICKS = 100;
const RULES = [[4, 2.5], [1.5, 2], [7, 2, 1.5, 2], [9, 3]];

/** Ends of a vertical axis, with some room unless 0 is one of them, and its round ticks. */
function verticalEnds(low, high) {
  if (!(high > low)) [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) * 0.1, high + Math.abs(high) * 0.1];
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= rough * 0.999);
  const room = (high - low) * 0.05;
  const [min, max] = [low === 0 ? 0 : low > 0 ? Math.max(0, low - room) : low - room, high + room];
  const ticks = [];
  for (let i = Math.ceil(min / step - 1e-6); i * step <= max + step * 1e-6; i += 1) ticks.push(Number((i * step).toPrecision(12)));
  return { min, max, ticks };
}

/** Runs of neighbouring points that all exist. */
function unbroken(points) {
  const pieces = [[]];
  for (const point of points) point.slice(1).some((v) => v === null) ? pieces.push([]) : pieces[pieces.length - 1].push(point);
  return pieces.filter((piece) => piece.length);
}

function curvesView(host, data, tell) {
  const instance = echarts.init(host, null, { renderer: "svg" });
  const xs = data.panels.map((p) => [...new Set([...p.series.flatMap((s) => s.x), ...(p.null ? p.null.x : [])])].sort((a, b) => a - b));
  const all = [...new Set(xs.flat())].sort((a, b) => a - b);
  const curved = data.x.scale !== "linear" ? data.x.scale : all[0] > 0 ? "log" : "symlog";
  const state = { scale: data.x.scale, hidden: new Set(), runs: true, null: true, from: 0, to: 100, panel: 0, at: -1 };
  const warpY = STEP_SCALES[data.y.scale];
  let places = [];
  let kept = {};

  const warpX = () => STEP_SCALES[state.scale];
  const ends = () => {
    const [low, high] = [warpX().to(all[0]), warpX().to(all[all.length - 1])];
    const room = state.scale === "symlog" ? 0.02 : 0.03;
    return high > low ? [low - (high - low) * room, high + (high - low) * room] : [low - 0.5, high + 0.5];
  };
  const seen = (x) => {
    const [low, high] = ends();
    const share = ((warpX().to(x) - low) / (high - low)) * 100;
    return share >= state.from - 1e-9 && share <= state.to + 1e-9;
  };

  /** All heights of a panel that are to be seen. */
  function heights(panel) {
    const out = panel.thresholds.map(([, v]) => v);
    const keep = (x, v) => { if (v !== null && v !== undefined && seen(x)) out.push(v); };
    for (const s of panel.series.filter((s) => !state.hidden.has(s.name))) {
      s.x.forEach((x, i) => {
        keep(x, s.y[i]);
        (s.band[i] || []).forEach((v) => keep(x, v));
        if (state.runs) s.runs.forEach(([, values]) => keep(x, values[i]));
      });
    }
    if (panel.null && state.null) panel.null.x.forEach((x, i) => panel.null.interval[i].forEach((v) => keep(x, v)));
    return out.map(warpY.to);
  }

  function axesY() {
    const sets = data.panels.map(heights);
    const shared = data.shared_y ? sets.flat() : null;
    const whole = state.from === 0 && state.to === 100 && data.y.range ? data.y.range.map(warpY.to) : [];
    return sets.map((set) => {
      const values = [...(shared || set), ...whole];
      return values.length ? verticalEnds(Math.min(...values), Math.max(...values)) : verticalEnds(0, 1);
    });
  }

  const vertical = ({ min, max, ticks }) => ({ min, max, axisTick: { show: false, customValues: ticks }, axisLabel: { customValues: ticks } });

  function layout() {
    const width = host.clientWidth;
    const columns = abreast(data.panels.length, width, 215);
    const left = data.y.label ? 64 : 46;
    const between = data.shared_y ? 16 : 50;
    const w = (width - left - 14 - between * (columns - 1)) / columns;
    const h = Math.min(columns === 1 ? 280 : 190, Math.max(118, w * 0.62));
    const row = h + 36;
    places = data.panels.map((_, i) => ({ left: left + (i % columns) * (w + between), top: 20 + Math.floor(i / columns) * row, width: w, height: h }));
    const rows = Math.ceil(data.panels.length / columns);
    host.style.height = `${rows * row + 62}px`;
    return { columns, top: rows * row - 14 };
  }

  function ribbon(panel, points, fill, opacity, z) {
    const pieces = unbroken(points);
    return {
      type: "custom", xAxisIndex: panel, yAxisIndex: panel, silent: true, clip: true, z, tooltip: { show: false }, animation: false,
      data: pieces.map((piece) => [piece[0][0], piece[0][1]]),
      renderItem: (params, api) => {
        const piece = pieces[params.dataIndex];
        const upper = piece.map(([x, , high]) => api.coord([x, high]));
        const lower = piece.map(([x, low]) => api.coord([x, low])).reverse();
        if (piece.length === 1) {
          const half = opacity > 0.5 ? 4 : 1.5;
          const shape = { x: upper[0][0] - half, y: upper[0][1], width: 2 * half, height: lower[0][1] - upper[0][1] };
          return { type: "rect", shape, style: { fill, opacity: Math.max(opacity, 0.5) } };
        }
        return { type: "polygon", shape: { points: [...upper, ...lower] }, style: { fill, opacity } };
      },
    };
  }

  function line(panel, points, style, extra = {}) {
    return {
      type: "line", xAxisIndex: panel, yAxisIndex: panel, symbol: "none", animation: false, silent: true, lineStyle: style,
      data: points.map(([x, y]) => [x, y === null ? "-" : y]), emphasis: { disabled: true }, ...extra,
    };
  }

  function seriesOf(panel, i, look) {
    const out = [];
    const at = (x, ...values) => [warpX().to(x), ...values.map((v) => (v === null || v === undefined ? null : warpY.to(v)))];
    if (panel.null && state.null) {
      const n = panel.null;
      out.push(ribbon(i, n.x.map((x, k) => at(x, n.interval[k][0], n.interval[k][1])), look.null, 0.75, 1));
      out.push(line(i, n.x.map((x, k) => at(x, n.mean[k])), { color: look.nullmean, width: 1.2 }, { z: 1 }));
    }
    for (const [rule, v] of panel.thresholds) {
      const y = warpY.to(v);
      out.push(line(i, ends().map((x) => [x, y]), { color: look.ink, width: 1, type: RULES[rule % 4] }, { z: 2 }));
    }
    const shown = panel.series.filter((s) => !state.hidden.has(s.name));
    for (const s of shown.filter((s) => s.band.some(Boolean))) {
      const colour = shade(data.series[s.name].look.colour);
      out.push(ribbon(i, s.x.map((x, k) => (s.band[k] ? at(x, s.band[k][0], s.band[k][1]) : at(x, null, null))), colour, 0.2, 2));
    }
    for (const s of shown) {
      const { colour, dash, marker } = data.series[s.name].look;
      const color = shade(colour);
      if (state.runs) {
        for (const [, values] of s.runs) out.push(line(i, s.x.map((x, k) => at(x, values[k])), { color, width: 0.8, opacity: 0.45 }, { z: 3 }));
      }
      const every = Math.max(1, Math.floor(s.y.filter((v) => v !== null).length / 20));
      out.push(line(i, s.x.map((x, k) => at(x, s.y[k])), { color, width: 1.8, type: dash.length ? dash : "solid" }, {
        z: 4, silent: false, symbol: MARKERS[marker], showAllSymbol: true, itemStyle: { color },
        symbolSize: (_, p) => (p.dataIndex % every === 0 ? 5 : 0),
      }));
    }
    // An axis without series takes no pointer; an invisible line keeps it readable when all are left out.
    if (!shown.length) out.push(line(i, xs[i].map((x) => [warpX().to(x), null]), {}, { silent: false }));
    return out;
  }

  function option() {
    const look = theme();
    const { columns, top } = layout();
    const [min, max] = ends();
    const text = { color: look.ink, fontSize: 11, fontFamily: look.sans };
    const steps = state.scale === "linear" ? null : all.map((x) => warpX().to(x));
    const heightsOf = axesY();
    const stepLabel = (v) => {
      const step = Math.round(warpX().from(v) * 1e6) / 1e6;
      if (steps) return labels().includes(step) ? tick(step) : "";
      return step >= all[0] - 1e-9 && step <= all[all.length - 1] + 1e-9 ? tick(step) : "";
    };
    const lowest = (i) => i + columns >= data.panels.length;
    return {
      animation: false, aria: { enabled: false }, textStyle: { fontFamily: look.sans },
      title: data.panels.map((p, i) => ({ text: p.title, left: places[i].left, top: places[i].top - 20, padding: 0,
        textStyle: { ...text, fontWeight: 600, fontSize: 12, width: places[i].width, overflow: "truncate" } })),
      grid: places.map((p) => ({ ...p, show: false })),
      xAxis: data.panels.map((_, i) => ({
        type: "value", gridIndex: i, min, max, name: lowest(i) ? data.x.label : "", nameLocation: "middle", nameGap: 24, nameTextStyle: text,
        axisLine: { onZero: false, lineStyle: { color: look.axis } }, splitLine: { show: false },
        axisTick: { show: all.length <= MOST_TICKS, customValues: steps, lineStyle: { color: look.axis } }, splitNumber: 4,
        axisLabel: { ...text, show: lowest(i), hideOverlap: !steps, interval: steps ? 0 : undefined, customValues: steps, formatter: stepLabel },
      })),
      yAxis: data.panels.map((_, i) => ({
        type: "value", gridIndex: i, ...vertical(heightsOf[i]), name: i % columns === 0 ? data.y.label : "", nameLocation: "middle", nameGap: 46,
        nameTextStyle: { ...text, width: places[i].height + 20, overflow: "truncate" }, axisLine: { show: true, lineStyle: { color: look.axis } },
        splitLine: { lineStyle: { color: look.grid } },
        axisLabel: { ...text, ...vertical(heightsOf[i]).axisLabel, show: i % columns === 0 || !data.shared_y, formatter: (v) => tick(warpY.from(v)) },
      })),
      dataZoom: [
        { type: "inside", xAxisIndex: data.panels.map((_, i) => i), filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, start: state.from, end: state.to },
        { type: "slider", xAxisIndex: data.panels.map((_, i) => i), filterMode: "none", top: top + 48, height: 12, left: places[0].left, right: 14,
          start: state.from, end: state.to, showDetail: false, brushSelect: false, showDataShadow: false, borderColor: look.line, backgroundColor: look.faint,
          fillerColor: `${look.soft}33`, handleStyle: { color: look.card, borderColor: look.soft }, moveHandleSize: 0 },
      ],
      tooltip: tooltip(look, "axis", (params) => {
        const first = Array.isArray(params) ? params[0] : params;
        const [i, at] = nearest(first.axisIndex, warpX().from(first.axisValue));
        return readout(...reading(i, at));
      }),
      series: data.panels.flatMap((p, i) => seriesOf(p, i, look)),
    };
  }

  /** The steps that carry a label: the ends first, then from the left what has room. */
  function labelled() {
    const to = warpX().to;
    const inside = all.filter(seen);
    const [low, high] = ends();
    const scale = (places[0].width * 100) / ((state.to - state.from) * (high - low));
    const kept = [];
    for (const x of [inside[inside.length - 1], inside[0], ...inside]) {
      if (x === undefined || kept.includes(x)) continue;
      const room = (other) => (textWidth(tick(x)) + textWidth(tick(other))) / 2 + 7;
      if (kept.every((other) => Math.abs(to(x) - to(other)) * scale >= room(other))) kept.push(x);
    }
    return kept;
  }

  /** The same, found once for what is seen and not once a label. */
  function labels() {
    const view = [state.scale, state.from, state.to, places[0].width].join();
    if (kept.view !== view) kept = { view, steps: labelled() };
    return kept.steps;
  }

  function nearest(i, x) {
    const to = warpX().to;
    let best = 0;
    xs[i].forEach((candidate, k) => { if (Math.abs(to(candidate) - to(x)) < Math.abs(to(xs[i][best]) - to(x))) best = k; });
    return [i, best];
  }

  /** Heading and lines for one position of one panel. */
  function reading(i, at) {
    const [panel, x] = [data.panels[i], xs[i][at]];
    const lines = [];
    for (const s of panel.series.filter((s) => !state.hidden.has(s.name))) {
      const k = s.x.indexOf(x);
      if (k < 0) continue;
      const { label, look } = data.series[s.name];
      lines.push({ name: label, value: written(s.y[k]) + interval(s.band[k]), colour: shade(look.colour) });
      if (state.runs) s.runs.slice(0, 8).forEach(([name, values]) => lines.push({ name: `\u2003${name}`, value: written(values[k]) }));
    }
    const k = panel.null && state.null ? panel.null.x.indexOf(x) : -1;
    if (k >= 0) lines.push({ name: panel.null.label, value: written(panel.null.mean[k], 3) + interval(panel.null.interval[k]), colour: styled("--null") });
    for (const [rule, v] of panel.thresholds) lines.push({ name: data.thresholds[rule], value: tick(v) });
    return [`${panel.title ? `${panel.title}, ` : ""}${data.x.label} ${tick(x)}`, lines];
  }

  function point() {
    const i = state.panel;
    const [heading, lines] = reading(i, state.at);
    tell(`${heading}: ${lines.map((l) => `${l.name.trim()} ${l.value}`).join("; ")}`);
    const x = instance.convertToPixel({ xAxisIndex: i }, warpX().to(xs[i][state.at]));
    instance.dispatchAction({ type: "showTip", x, y: places[i].top + places[i].height / 2 });
  }

  function zoom(from, to) {
    [state.from, state.to] = [Math.max(0, from), Math.min(100, to)];
    draw();
  }

  function draw() {
    instance.resize({ height: (layout(), parseFloat(host.style.height)), silent: true });
    instance.setOption(option(), { notMerge: true });
  }

  let fitting = 0;
  instance.on("datazoom", () => {
    const { start, end } = instance.getOption().dataZoom[0];
    if (Math.abs(start - state.from) + Math.abs(end - state.to) < 1e-6) return;
    [state.from, state.to] = [start, end];
    cancelAnimationFrame(fitting);
    fitting = requestAnimationFrame(() => instance.setOption({ yAxis: axesY().map(vertical), xAxis: data.panels.map(() => ({})) }));
  });

  const tools = data.series.flatMap((s, index) => {
    if (!s.label) return [];
    const button = toggle("", true, (on) => { on ? state.hidden.delete(index) : state.hidden.add(index); draw(); });
    button.append(element("i", { class: "swatch", style: `background:var(--on-${s.look.colour.slice(1)}, ${s.look.colour})` }), s.label);
    return [button];
  });
  if (data.panels.some((p) => p.null)) {
    const label = data.panels.find((p) => p.null).null.label || "null";
    const button = toggle("", true, (on) => { state.null = on; draw(); });
    button.append(element("i", { class: "swatch", style: "background:var(--null)" }), label);
    tools.push(button);
  }
  if (data.panels.some((p) => p.series.some((s) => s.runs.length))) {
    tools.push(toggle("single seeds", true, (on) => { state.runs = on; draw(); }));
  }
  if (all.length > 2 && all[0] >= 0) {
    tools.push(toggle("logarithmic steps", state.scale !== "linear", (on) => { state.scale = on ? curved : "linear"; draw(); }));
  }
  const whole = element("button", { type: "button" }, "all steps");
  whole.addEventListener("click", () => zoom(0, 100));
  tools.push(whole);

  return {
    tools, draw,
    hint: "Arrow keys read values, + and − zoom, 0 shows all steps, Escape closes.",
    key(key) {
      const count = xs[state.panel].length;
      const middle = (state.from + state.to) / 2;
      const span = state.to - state.from;
      if (key === "ArrowRight") state.at = Math.min(count - 1, state.at + 1);
      else if (key === "ArrowLeft") state.at = Math.max(0, state.at - 1);
      else if (key === "Home") state.at = 0;
      else if (key === "End") state.at = count - 1;
      else if (key === "ArrowDown" || key === "ArrowUp") {
        state.panel = (state.panel + (key === "ArrowDown" ? 1 : data.panels.length - 1)) % data.panels.length;
        state.at = Math.min(Math.max(0, state.at), xs[state.panel].length - 1);
      } else if (key === "+" || key === "=") { zoom(middle - span / 4, middle + span / 4); return true; }
      else if (key === "-") { zoom(middle - span, middle + span); return true; }
      else if (key === "0") { zoom(0, 100); return true; }
      else return false;
      point();
      return true;
    },
    hush() {
      instance.dispatchAction({ type: "hideTip" });
      instance.dispatchAction({ type: "updateAxisPointer", currTrigger: "leave" });
    },
  };
}
