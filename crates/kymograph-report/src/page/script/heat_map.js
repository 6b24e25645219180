// Matrices: hovering or the arrow keys read a cell, the colour bar's handles hide what lies outside them.

function heatMapView(host, data, tell) {
  const instance = echarts.init(host, null, { renderer: "svg" });
  const state = { panel: 0, row: 0, column: -1 };
  const SMALL = 11;
  let places = [];

  function layout() {
    const width = host.clientWidth;
    const most = Math.max(...data.panels.map((p) => Math.max(p.columns.length, p.rows.length)));
    const names = Math.min(130, Math.max(...data.panels.flatMap((p) => p.rows).map((r) => textWidth(r, SMALL)))) + 8;
    const left = names + (data.row_axis ? 20 : 4);
    const wanted = data.square && most <= 4 ? Math.min(5, data.panels.length) : abreast(data.panels.length, width, 200);
    const columns = Math.max(1, Math.min(wanted, Math.floor(width / (left + 60))));
    const slot = width / columns - left - 12;
    const sizes = data.panels.map((p) => {
      if (data.square) {
        const side = Math.min(slot / p.columns.length, 360 / most, 36);
        return [side, side];
      }
      return [Math.min(slot / p.columns.length, 84), p.rows.length <= 60 ? 21 : 560 / p.rows.length];
    });
    const upright = data.panels.some((p, i) => p.columns.some((c) => textWidth(c, SMALL) > sizes[i][0] - 3));
    const below = upright ? Math.min(110, Math.max(...data.panels.flatMap((p) => p.columns).map((c) => textWidth(c, SMALL)))) + 8 : 20;
    const tallest = Math.max(...data.panels.map((p, i) => sizes[i][1] * p.rows.length));
    const titled = data.panels.some((p) => p.title) ? 20 : 4;
    const row = titled + tallest + below + (data.column_axis ? 20 : 4);
    places = data.panels.map((p, i) => ({
      left: left + (i % columns) * (width / columns), top: titled + Math.floor(i / columns) * row,
      width: sizes[i][0] * p.columns.length, height: sizes[i][1] * p.rows.length,
    }));
    const rows = Math.ceil(data.panels.length / columns);
    host.style.height = `${rows * row + 62}px`;
    return { titled, upright, below, names, bottom: rows * row };
  }

  const cellText = (v) => (Math.abs(v) < 0.5 * 10 ** -data.decimals && v !== 0 ? written(v, 2) : v.toFixed(data.decimals).replace("-", "−"));

  function seriesOf(panel, i) {
    const [w, h] = [places[i].width / panel.columns.length, places[i].height / panel.rows.length];
    const texts = panel.values.flat().filter((v) => v !== null).map(cellText);
    const printed = h >= SMALL + 3 && w >= Math.max(...texts.map((t) => textWidth(t, SMALL))) + 4;
    const cells = [];
    panel.values.forEach((row, r) => row.forEach((v, c) => {
      if (v === null) return;
      const label = printed ? { label: { color: onColour(scaled(data.colours, v)) } } : {};
      cells.push({ value: [c, r, v], ...label });
    }));
    return {
      type: "heatmap", xAxisIndex: i, yAxisIndex: i, data: cells, animation: false, progressive: 0,
      label: { show: printed, fontSize: SMALL, formatter: (p) => cellText(p.value[2]) },
      emphasis: { itemStyle: { borderColor: styled("--ink"), borderWidth: 1.5 } },
    };
  }

  function option() {
    const look = theme();
    const { titled, upright, below, names, bottom } = layout();
    const text = { color: look.ink, fontSize: SMALL, fontFamily: look.sans };
    const axis = (i, extra) => ({
      type: "category", gridIndex: i, axisTick: { show: false }, axisLine: { show: false }, nameLocation: "middle", nameTextStyle: text, splitLine: { show: false }, ...extra,
    });
    return {
      animation: false, aria: { enabled: false }, textStyle: { fontFamily: look.sans },
      title: [
        ...data.panels.map((p, i) => ({ text: p.title, left: places[i].left, top: places[i].top - titled, padding: 0,
          textStyle: { ...text, fontWeight: 600, fontSize: 12, width: Math.max(60, places[i].width), overflow: "truncate" } })),
        { text: data.colours.label, left: places[0].left, top: bottom + 40, padding: 0, textStyle: { ...text, fontWeight: 400 } },
      ],
      grid: places.map((p) => ({ ...p, show: true, backgroundColor: { type: "pattern", image: hatching(look), imageWidth: 6, imageHeight: 6, repeat: "repeat" }, borderColor: look.axis, borderWidth: 0.5 })),
      xAxis: data.panels.map((p, i) => axis(i, {
        data: p.columns, name: data.column_axis, nameGap: below,
        axisLabel: { ...text, margin: 5, rotate: upright ? 90 : 0, width: 104, overflow: "truncate", interval: spaced(places[i].width / p.columns.length) },
      })),
      yAxis: data.panels.map((p, i) => axis(i, {
        data: p.rows, inverse: true, name: data.row_axis, nameGap: names + 2,
        axisLabel: { ...text, margin: 5, width: 130, overflow: "truncate", interval: spaced(places[i].height / p.rows.length) },
      })),
      visualMap: {
        type: "continuous", min: data.colours.low, max: data.colours.high, calculable: true, orient: "horizontal", left: places[0].left - 4, top: bottom + 8,
        itemWidth: 11, itemHeight: Math.min(260, host.clientWidth * 0.4), padding: 0, textStyle: text, dimension: 2,
        text: [data.colours.ends[1], data.colours.ends[0]], formatter: (v) => tick(Number(v.toPrecision(3))),
        inRange: { color: data.colours.stops }, outOfRange: { opacity: 0.08 }, handleStyle: { borderColor: look.soft },
      },
      tooltip: tooltip(look, "item", (p) => readout(...reading(p.seriesIndex, p.value[1], p.value[0]))),
      series: data.panels.map((p, i) => seriesOf(p, i)),
    };
  }

  const spaced = (cell) => { const every = Math.ceil((SMALL + 2) / cell); return (index) => index % every === 0; };

  function reading(i, r, c) {
    const panel = data.panels[i];
    const v = panel.values[r][c];
    const named = (axis, name) => (axis ? `${axis} ${name}` : name);
    const heading = `${panel.title ? `${panel.title}: ` : ""}${named(data.row_axis, panel.rows[r])}, ${named(data.column_axis, panel.columns[c])}`;
    return [heading, [{ name: data.colours.label, value: written(v), colour: v === null ? "" : scaled(data.colours, v) }]];
  }

  function point() {
    const panel = data.panels[state.panel];
    const [heading, lines] = reading(state.panel, state.row, state.column);
    tell(`${heading}: ${lines[0].value}`);
    let index = -1;
    panel.values.slice(0, state.row + 1).forEach((row, r) => row.forEach((v, c) => { if (v !== null && (r < state.row || c <= state.column)) index += 1; }));
    instance.dispatchAction({ type: "downplay" });
    if (panel.values[state.row][state.column] === null) return instance.dispatchAction({ type: "hideTip" });
    instance.dispatchAction({ type: "highlight", seriesIndex: state.panel, dataIndex: index });
    instance.dispatchAction({ type: "showTip", seriesIndex: state.panel, dataIndex: index });
  }

  function draw() {
    layout();
    instance.resize({ height: parseFloat(host.style.height), silent: true });
    instance.setOption(option(), { notMerge: true });
  }

  return {
    tools: [], draw,
    hint: "Arrow keys read cells, Page Up and Page Down change the panel, Escape closes.",
    set(next) { data = next; draw(); },
    key(key) {
      const panel = data.panels[state.panel];
      const [rows, columns] = [panel.rows.length, panel.columns.length];
      if (key === "ArrowRight") state.column = Math.min(columns - 1, state.column + 1);
      else if (key === "ArrowLeft") state.column = Math.max(0, state.column - 1);
      else if (key === "ArrowDown") state.row = Math.min(rows - 1, state.column < 0 ? 0 : state.row + 1);
      else if (key === "ArrowUp") state.row = Math.max(0, state.row - 1);
      else if (key === "Home") state.column = 0;
      else if (key === "End") state.column = columns - 1;
      else if (key === "PageDown" || key === "PageUp") {
        state.panel = (state.panel + (key === "PageDown" ? 1 : data.panels.length - 1)) % data.panels.length;
        const next = data.panels[state.panel];
        [state.row, state.column] = [Math.min(state.row, next.rows.length - 1), Math.min(state.column, next.columns.length - 1)];
      } else return false;
      state.column = Math.max(0, state.column);
      point();
      return true;
    },
    hush() { instance.dispatchAction({ type: "hideTip" }); instance.dispatchAction({ type: "downplay" }); },
  };
}

/** The pattern of cells that were not measured. */
function hatching(look) {
  const canvas = element("canvas", { width: 6, height: 6 });
  const pen = canvas.getContext("2d");
  pen.fillStyle = look.faint;
  pen.fillRect(0, 0, 6, 6);
  pen.strokeStyle = look.null;
  pen.beginPath();
  for (const shift of [-6, 0, 6]) { pen.moveTo(shift, 6); pen.lineTo(shift + 6, 0); }
  pen.stroke();
  return canvas;
}
