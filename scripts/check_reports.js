// Opens the pages that the package writes, at desktop and phone width:
// node check_reports.js PAGES.json
// PAGES.json: [{file, shown: [texts], bars: [[name, value, error, chance, ceiling, percent]]}]
const { readFileSync } = require('fs'),
  { pathToFileURL } = require('url'),
  { basename } = require('path');
const { start } = require('./chromium.js');
const widths = { desktop: 1280, phone: 390 },
  smallest = 12;

// What is wrong with the page that is open; runs inside it.
function inspect({ shown, bars, smallest }) {
  const wrong = [],
    room = document.documentElement.clientWidth,
    boxes = [],
    texts = [];
  const all = (selector) => [...document.querySelectorAll(selector)],
    said = (e) => `"${e.textContent.trim().slice(0, 40)}"`;
  if (document.documentElement.scrollWidth > room)
    wrong.push(`the page is ${document.documentElement.scrollWidth} px wide`);
  for (const e of all('main *')) {
    if (!(e instanceof HTMLElement)) continue;
    const style = getComputedStyle(e),
      box = e.getBoundingClientRect();
    if (['auto', 'scroll'].includes(style.overflowX)) {
      boxes.push(e);
      if (box.right > room + 1) wrong.push('a box that scrolls is wider than the page');
    }
    if (
      ['hidden', 'clip'].includes(style.overflowX) &&
      (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)
    )
      wrong.push(`clipped: ${e.className}`);
  }
  const scrolls = (e) => boxes.some((b) => b !== e && b.contains(e));
  for (const e of all('img, svg')) {
    if (e.tagName === 'IMG' && !(e.complete && e.naturalWidth))
      wrong.push('a figure is not loaded');
    if (!(e.getAttribute('alt') || e.getAttribute('aria-label')))
      wrong.push('a figure without a text');
    if (e.tagName === 'IMG' && e.clientWidth < 0.4 * e.naturalWidth)
      wrong.push(`a figure too small to read: ${e.clientWidth} px`);
    if (e.getBoundingClientRect().right > room + 1 && !scrolls(e))
      wrong.push(`a figure wider than the page: ${e.clientWidth} px`);
  }
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement,
      range = document.createRange();
    if (!walk.currentNode.textContent.trim() || e.closest('style, script')) continue;
    range.selectNodeContents(walk.currentNode);
    const size =
      parseFloat(getComputedStyle(e).fontSize) * (e.getScreenCTM ? e.getScreenCTM().a : 1);
    if (size < smallest) wrong.push(`text of ${size.toFixed(1)} px: ${said(e)}`);
    for (const r of range.getClientRects()) {
      if ((r.left < -1 || r.right > room + 1) && !scrolls(e))
        wrong.push(`text off the page: ${said(e)}`);
      const other = texts.find(
        ([t, q]) =>
          t !== e &&
          Math.min(r.right, q.right) - Math.max(r.left, q.left) > 2 &&
          Math.min(r.bottom, q.bottom) - Math.max(r.top, q.top) > 3,
      );
      if (other) wrong.push(`${said(e)} is printed over ${said(other[0])}`);
      texts.push([e, r]);
    }
  }
  const flat = (text) => text.replace(/\s+/g, ' '),
    page = flat(document.body.textContent);
  for (const text of shown)
    if (!page.includes(flat(text))) wrong.push(`not shown: ${text.slice(0, 40)}`);
  for (const e of all('main b, main i, main script'))
    wrong.push(`markup from a name: <${e.tagName.toLowerCase()}>`);
  const scores = all('.score');
  if (scores.length !== bars.length) wrong.push(`${scores.length} bars of ${bars.length} scores`);
  scores.slice(0, bars.length).forEach((e, i) => {
    const [name, ...values] = bars[i],
      percent = values.pop(),
      track = e.querySelector('.track'),
      whole = track.getBoundingClientRect();
    if (e.querySelector('.name').textContent !== name)
      wrong.push(`the bar of ${name} is called ${said(e.querySelector('.name'))}`);
    for (const v of values)
      if (!flat(e.textContent).includes(v) || !track.ariaLabel.includes(v))
        wrong.push(`the bar of ${name} does not say ${v}`);
    for (const part of track.children) {
      const { left, right, width } = part.getBoundingClientRect(),
        end = (100 * width) / whole.width;
      if (left < whole.left - 0.5 || right > whole.right + 0.5)
        wrong.push(`the bar of ${name} leaves its track`);
      if (part.className === 'fill' && Math.abs(end - percent) > 0.3)
        wrong.push(`the bar of ${name} ends at ${end.toFixed(1)} %, not ${percent} %`);
    }
  });
  return wrong;
}

(async () => {
  const browser = await start();
  const pages = JSON.parse(readFileSync(process.argv[2])),
    problems = [];
  for (const { file, shown, bars } of pages)
    for (const [name, width] of Object.entries(widths)) {
      const say = (text) => problems.push(`${basename(file)}, ${name}: ${text}`),
        address = pathToFileURL(file).href;
      const page = await (await browser.newContext({ viewport: { width, height: 844 } })).newPage();
      page.setDefaultTimeout(300000);
      page.on('console', (m) => {
        if (['error', 'warning'].includes(m.type())) say(`console: ${m.text()}`);
      });
      await page.route('**/*', (r) => {
        const url = r.request().url();
        if (url === address || url.startsWith('data:')) return r.continue();
        say(`a request leaves the file: ${url}`);
        return r.abort();
      });
      await page.goto(address);
      (
        await page.evaluate(inspect, { shown, bars, smallest: name === 'phone' ? smallest : 0 })
      ).forEach(say);
      await page.context().close();
    }
  await browser.close();
  console.log(
    JSON.stringify({
      problems: [...new Set(problems)],
      said: `${pages.length} pages at ${Object.values(widths).join(' and ')} px`,
    }),
  );
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
