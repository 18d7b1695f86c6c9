// Opens every page of the site from its files, as a reader would, and searches it:
// node check_site.js FOLDER
const fs = require('fs'),
  http = require('http'),
  path = require('path'),
  { pathToFileURL } = require('url');
const { start } = require('./chromium.js');
const folder = path.resolve(process.argv[2]),
  base = pathToFileURL(folder).href + '/',
  words = 'random walk';
const pages = fs
  .readdirSync(folder, { recursive: true })
  .filter((p) => p.endsWith('.html') && !p.startsWith('_static'))
  .sort();
const problems = [];
let requests = 0;

// What is wrong with the page that is open; runs inside it.
async function inspect() {
  const wrong = [],
    math = [...document.querySelectorAll('.math')],
    container = 'mjx-container';
  if (math.length) await MathJax.startup.promise;
  const untypeset = math.filter((m) => !m.querySelector(container));
  if (untypeset.length)
    wrong.push(
      `${untypeset.length} formulas are not typeset: ${untypeset[0].textContent.slice(0, 80)}`,
    );
  for (const e of document.querySelectorAll('mjx-merror, [data-mjx-error]'))
    wrong.push(`MathJax: ${e.getAttribute('data-mjx-error') || e.textContent}`);
  const walk = document.createTreeWalker(
    document.querySelector('article') || document.body,
    NodeFilter.SHOW_TEXT,
  );
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent;
    if (walk.currentNode.parentElement.closest(`pre, code, script, style, ${container}`)) continue;
    if (/\$\$|\\tag\b|\\[([]|\$[^$\s][^$]*\$|\]\(\S+\)|:::|\*\*/.test(text))
      wrong.push(`raw markup: ${text.trim().slice(0, 80)}`);
  }
  for (const e of document.querySelectorAll('article pre'))
    if (/\]\(https?:/.test(e.textContent))
      wrong.push(`a link as text in code: ${e.textContent.slice(0, 80)}`);
  document.querySelectorAll('details').forEach((d) => (d.open = true));
  for (const e of document.querySelectorAll('article pre'))
    if (e.scrollWidth > e.clientWidth + 1)
      wrong.push(`code that scrolls sideways: ${e.textContent.trim().slice(0, 80)}`);
  for (const e of document.querySelectorAll('article div.math'))
    if (e.scrollWidth > e.clientWidth + 1)
      wrong.push(`a formula wider than the page: ${e.textContent.trim().slice(0, 60) || e.id}`);
  for (const i of document.images)
    if (!i.complete || !i.naturalWidth) wrong.push(`no image: ${i.src}`);
  for (const i of document.querySelectorAll('article img'))
    if (!i.alt) wrong.push(`an image without a text: ${i.src}`);
  return {
    wrong,
    math: math.length,
    figures: document.querySelectorAll('article figure img').length,
  };
}

// Does an interactive figure answer to its sliders?
function slide() {
  const wrong = [];
  for (const s of document.querySelectorAll('article input[type=range]')) {
    const box = s.closest('[role=group]'),
      before = box.innerHTML;
    s.value = +s.value === +s.max ? s.min : s.max;
    s.dispatchEvent(new Event('input'));
    if (box.innerHTML === before) wrong.push(`a slider that does nothing: ${s.ariaLabel}`);
  }
  return wrong;
}

// What runs off the page at the width of a phone.
function tooWide() {
  const room = document.documentElement.clientWidth;
  const cut = [...document.querySelectorAll('div.math mjx-container')].filter(
    (e) => e.getBoundingClientRect().left < e.parentElement.getBoundingClientRect().left - 1,
  );
  if (cut.length) return [`${cut.length} formulas are cut off on a phone`];
  if (document.documentElement.scrollWidth <= room) return [];
  const wide = [...document.querySelectorAll('article *')]
    .filter((e) => e.getBoundingClientRect().right > room + 1)
    .map((e) => `${e.tagName.toLowerCase()}.${e.className}`);
  const first = wide.slice(0, 3).join(', ');
  return [`wider than a phone: ${document.documentElement.scrollWidth} > ${room} (${first})`];
}

async function search(page, address) {
  await page.goto(`${address}search.html?q=${encodeURIComponent(words)}`);
  await page.waitForSelector('#search-results li a', { timeout: 300000 }).catch(() => 0);
  return page.$$eval('#search-results li > a', (all) => all.map((a) => a.getAttribute('href')));
}

(async () => {
  const browser = await start();
  const server = http.createServer((q, a) =>
    fs.readFile(
      path.join(folder, decodeURIComponent(new URL(q.url, 'http://h').pathname)),
      (e, data) => {
        a.writeHead(e ? 404 : 200, {
          'Content-Type':
            {
              '.html': 'text/html',
              '.js': 'text/javascript',
              '.css': 'text/css',
              '.svg': 'image/svg+xml',
            }[path.extname(q.url.split('?')[0])] || 'application/octet-stream',
        });
        a.end(data);
      },
    ),
  );
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const served = `http://127.0.0.1:${server.address().port}/`;
  const totals = { math: 0, figures: 0 };
  let current = '';
  const say = (text) => problems.push(`${current}: ${text}`);
  const open = async () => {
    const page = await (
      await browser.newContext({ viewport: { width: 1300, height: 1000 } })
    ).newPage();
    page.setDefaultTimeout(300000);
    page.on('console', (m) => {
      if (['error', 'warning'].includes(m.type())) say(`console: ${m.text()}`);
    });
    page.on('pageerror', (e) => say(`script error: ${e.message}`));
    page.on('requestfailed', (r) => say(`failed request: ${r.url()}`));
    page.on('response', (r) => {
      if (r.status() >= 400) say(`failed request: ${r.url()} (${r.status()})`);
    });
    page.on('request', (r) => {
      requests++;
      if (!r.url().startsWith(base) && !r.url().startsWith(served) && !r.url().startsWith('data:'))
        say(`external request: ${r.url()}`);
    });
    return page;
  };
  const left = [...pages];
  const work = async () => {
    // one page after the other: what a page says must be told apart
    const page = await open();
    while (left.length) {
      current = left.shift();
      await page.setViewportSize({ width: 1300, height: 1000 });
      await page.goto(base + current);
      const found = await page.evaluate(inspect);
      found.wrong.forEach(say);
      (await page.evaluate(slide)).forEach(say);
      totals.math += found.math;
      totals.figures += found.figures;
      await page.setViewportSize({ width: 390, height: 844 });
      (await page.evaluate(tooWide)).forEach(say);
    }
    for (const address of [base, served]) {
      current = `search from ${new URL(address).protocol}`;
      const found = await search(page, address);
      if (!found.some((f) => f.includes('graph.walk')))
        say(`"${words}" finds ${found.length} pages, not the chapter on it`);
    }
  };
  await work();
  await browser.close();
  server.close();
  const { figures, math } = totals;
  const said = `${pages.length} pages, ${figures} figures, ${math} formulas, ${requests} requests`;
  console.log(JSON.stringify({ problems: [...new Set(problems)], said }));
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
