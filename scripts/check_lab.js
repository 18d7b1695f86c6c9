// Opens one notebook in JupyterLab, runs all its cells, and looks for errors and figures:
// node check_lab.js ADDRESS TOKEN NOTEBOOK FIGURES SECONDS
const { start } = require('./chromium.js');
const [address, token, notebook, figures, seconds] = process.argv.slice(2);

(async () => {
  const browser = await start();
  const page = await browser.newPage({ viewport: { width: 1300, height: 1000 } });
  page.setDefaultTimeout(1000 * seconds);
  const elsewhere = new Set(),
    problems = [];
  page.on('request', (r) => {
    if (!/^(data|blob):/.test(r.url()) && new URL(r.url()).host !== new URL(address).host)
      elsewhere.add(r.url());
  });
  await page.goto(`${address}/lab/tree/${notebook}?reset&token=${token}`);
  await page.waitForSelector('.jp-Notebook .jp-CodeCell');
  await page.waitForSelector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', {
    state: 'attached',
  });
  await page.waitForSelector('#jp-main-statusbar :text("| Idle")');
  // A cell that has run has a number; one that failed stops those after it, so errors end the wait.
  const state = () =>
    page.evaluate(() => {
      const code = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')].filter((c) =>
        c.querySelector('.cm-content').textContent.trim(),
      );
      return {
        cells: code.length,
        done: code.filter((c) => /\d/.test(c.querySelector('.jp-InputPrompt').textContent)).length,
        errors: [
          ...document.querySelectorAll('[data-mime-type="application/vnd.jupyter.error"]'),
        ].map((e) => e.textContent.slice(-300)),
        figures: [...document.querySelectorAll('.jp-OutputArea-output img')].filter(
          (i) => i.naturalWidth > 0,
        ).length,
        warnings: [
          ...document.querySelectorAll('[data-mime-type="application/vnd.jupyter.stderr"]'),
        ].map((e) => e.textContent.slice(0, 200)),
      };
    });
  const run = async () => {
    await page.click('.lm-MenuBar-itemLabel:text-is("Run")');
    await page.click('.lm-Menu-itemLabel:text-is("Run All Cells")');
  };
  let now,
    end = Date.now() + 1000 * seconds;
  await run();
  do {
    await page.waitForTimeout(500);
    now = await state();
  } while (now.done < now.cells && !now.errors.length && Date.now() < end);
  await page.waitForTimeout(500);
  now = await state();
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/lab.png` });
  if (now.errors.length) problems.push(...now.errors.map((e) => `a cell failed: ${e}`));
  else if (now.done < now.cells)
    problems.push(`${now.done} of ${now.cells} cells ran in ${seconds} s`);
  if (now.figures < figures)
    problems.push(`${now.figures} figures appeared, ${figures} are stored`);
  problems.push(
    ...now.warnings.map((w) => `standard error: ${w}`),
    ...[...elsewhere].map((u) => `external request: ${u}`),
  );
  await browser.close();
  console.log(JSON.stringify({ problems, said: `${now.done} cells, ${now.figures} figures` }));
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
