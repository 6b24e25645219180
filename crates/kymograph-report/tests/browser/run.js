// Opens report pages in Chromium and uses them as a reader would: node run.js REPORT.html …
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { charts, figure, ofKind, opened, picture, pointed, start, stop, tip } from "./browser.js";

const reports = process.argv.slice(2).filter((word) => !word.startsWith("-"));
if (!reports.length) throw new Error("give the pages to open: node run.js REPORT.html …");
const KINDS = ["curves", "heat_map", "frames"];
/** Curves along which there is somewhere to go. */
const long = ({ panels }) => panels[0].series.some(({ x }) => x.length > 3);
before(start);
after(stop);

for (const report of reports) {
  const check = (name, use, options = {}) => test(`${report}: ${name}`, () => opened(report, options, use));

  check("every chart draws, nothing is fetched, nothing goes wrong", async (page) => {
    const ids = await page.$$eval("figure", (all) => all.filter((f) => f.querySelector("script.chart")).map((f) => f.id));
    assert.ok(ids.length > 0);
    for (const id of ids) {
      const found = await figure(page, id);
      assert.ok(await found.locator(".host svg, .host canvas").first().isVisible(), id);
      assert.ok(!(await found.locator(".drawing").isVisible()), `${id}: the printed figure gives way`);
    }
  });

  check("hovering a curve shows where and how high", async (page) => {
    const chart = await ofKind(page, "curves", long);
    const { x } = JSON.parse(await chart.locator("script.chart").textContent());
    const said = await pointed(page, chart);
    assert.ok(said.includes(x.label), said);
    assert.match(said, /\d\.\d/);
  });

  check("series can be left out, and steps made linear", async (page) => {
    const chart = await ofKind(page, "curves", long);
    const first = chart.locator(".tools button").first();
    for (const button of [first, chart.getByRole("button", { name: "logarithmic steps" })]) {
      if (!(await button.count())) continue;
      const earlier = await picture(chart);
      const pressed = await button.getAttribute("aria-pressed");
      await button.click();
      assert.notEqual(await button.getAttribute("aria-pressed"), pressed);
      assert.notEqual(await picture(chart), earlier);
    }
  });

  check("the keyboard reads, zooms and closes a curve", async (page) => {
    const chart = await ofKind(page, "curves", long);
    const { x } = JSON.parse(await chart.locator("script.chart").textContent());
    await chart.locator(".canvas").focus();
    await page.keyboard.press("ArrowRight");
    const spoken = chart.locator("output.unseen");
    const first = await spoken.textContent();
    assert.ok(first.includes(x.label) && /\d/.test(first), first);
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await spoken.textContent(), first);
    assert.ok(await tip(chart).isVisible());
    await page.keyboard.press("Escape");
    await tip(chart).waitFor({ state: "hidden" });
    // What the axes say, because the marks under a pointer that has left may differ by a shade.
    const axes = () => chart.locator(".host svg text").allTextContents();
    const whole = await axes();
    await page.keyboard.press("+");
    assert.notDeepEqual(await axes(), whole);
    await page.keyboard.press("0");
    assert.deepEqual(await axes(), whole);
  });

  check("a matrix tells its cells, by mouse and by keyboard", async (page) => {
    const chart = await ofKind(page, "heat_map");
    assert.match(await pointed(page, chart), /\d/);
    await chart.locator(".canvas").focus();
    await page.keyboard.press("ArrowRight");
    const data = JSON.parse(await chart.locator("script.chart").textContent());
    const said = await chart.locator("output.unseen").textContent();
    assert.ok(said.includes(data.panels[0].rows[0]) && said.includes(data.panels[0].columns[0]), said);
    await page.keyboard.press("ArrowDown");
    assert.notEqual(await chart.locator("output.unseen").textContent(), said);
  });

  check("points tell their class, by mouse and by keyboard, and a class can stand alone", async (page) => {
    const data = Object.values(await charts(page)).find(({ kind }) => kind === "scatter");
    if (!data) return;
    const chart = await ofKind(page, "scatter");
    await chart.locator(".canvas").focus();
    await page.keyboard.press("ArrowRight");
    const spoken = chart.locator("output.unseen");
    const first = await spoken.textContent();
    const { classes, names, labels } = data.panels[0];
    for (const word of [names[0], data.classes[classes[0]].name, labels[0]]) assert.ok(first.includes(word), `${word}: ${first}`);
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await spoken.textContent(), first);
    const ring = await picture(chart);
    await page.keyboard.press("Escape");
    assert.notEqual(await picture(chart), ring);
    const whole = await picture(chart);
    const button = chart.getByRole("button", { name: data.classes[0].name });
    await button.click();
    assert.equal(await button.getAttribute("aria-pressed"), "true");
    assert.notEqual(await picture(chart), whole);
    await button.click();
    assert.match(await pointed(page, chart), /\d/);
  });

  check("a verdict opens down to its rows and their command", async (page, context) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const verdict = page.locator(".verdict").first();
    await verdict.locator("details.rests summary").click();
    const links = verdict.locator("details.rests a");
    const evidence = await page.$$eval(".prediction", (all) => all.findIndex((p) => p.querySelector("details.row")));
    assert.ok(evidence >= 0, "a prediction with evidence");
    const id = await page.$$eval(".prediction", (all, i) => all[i].id, evidence);
    await (await links.count() > evidence ? links.nth(evidence).click() : page.goto(`${page.url()}#${id}`));
    const prediction = page.locator(`#${id}`);
    const row = prediction.locator("details.row").first();
    await row.locator("summary").click();
    const opened = await row.locator("dl").innerText();
    for (const word of ["Value", "version", "Nulls", "findings.json"]) assert.ok(opened.includes(word), `${word}: ${opened}`);
    const command = prediction.locator(".command").last();
    await command.locator("button.copy").click();
    await page.waitForFunction(() => document.activeElement.textContent === "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await command.locator("code").textContent());
    await row.locator("summary").focus();
    await page.keyboard.press("Escape");
    assert.equal(await row.getAttribute("open"), null, "Escape folds it again");
  });

  check("a skip link comes first and the focus is visible", async (page) => {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.notEqual(outline, "none");
  });

  check("the table of evidence can be searched", async (page) => {
    const field = page.locator("#evidence-words");
    const shown = () => page.$$eval("#evidence-table tbody tr", (rows) => rows.filter((row) => !row.hidden).length);
    const all = await shown();
    await field.fill("no row holds this");
    assert.equal(await shown(), 0);
    await field.press("Escape");
    assert.equal(await shown(), all);
  });

  check("print shows the printed figures and no controls", async (page) => {
    await ofKind(page, "curves");
    await page.emulateMedia({ media: "print" });
    for (const drawing of await page.locator("figure .drawing").all()) assert.ok(await drawing.isVisible());
    for (const part of await page.locator(".live, .tools, .copy, nav, .filter, #evidence-table").all()) assert.ok(!(await part.isVisible()));
  });

  check("without a script every figure is there", async (page) => {
    const figures = await page.locator("figure").count();
    assert.ok(figures > 0);
    assert.equal(await page.locator("figure .drawing svg:visible, figure .drawing img:visible").count(), figures);
    assert.equal(await page.locator(".live, .tools").count(), 0);
  }, { javaScriptEnabled: false });

  check("a narrow, dark page does not scroll sideways", async (page) => {
    for (const kind of KINDS.slice(0, 2)) await ofKind(page, kind);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${wide} pixels too wide`);
  }, { colorScheme: "dark", viewport: { width: 390, height: 800 } });

  check("the slider changes the picture", async (page) => {
    const count = await page.$$eval("script.chart", (all) => all.filter((s) => JSON.parse(s.textContent).kind === "frames").length);
    if (!count) return;
    const chart = await ofKind(page, "frames");
    const slider = chart.locator("input[type=range]");
    await slider.focus();
    await page.keyboard.press("Home");
    const [first, name] = [await picture(chart), await chart.locator(".at").textContent()];
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await chart.locator(".at").textContent(), name);
    await page.keyboard.press("End");
    assert.notEqual(await picture(chart), first);
    assert.equal(await slider.getAttribute("aria-valuetext"), await chart.locator(".at").textContent());
    await chart.getByRole("button", { name: /^Previous/ }).click();
    assert.notEqual(await chart.locator(".at").textContent(), name);
    await chart.locator(".canvas").focus();
    await page.keyboard.press("ArrowRight");
    assert.match(await chart.locator("output.unseen").textContent(), /\d/);
  });

  check("less motion means no playing", async (page) => {
    const play = page.getByRole("button", { name: "play" });
    const sliders = await page.$$eval("script.chart", (all) => all.filter((s) => JSON.parse(s.textContent).kind === "frames").length);
    if (sliders) await ofKind(page, "frames");
    assert.equal(await play.count(), 0);
  }, { reducedMotion: "reduce" });
}
