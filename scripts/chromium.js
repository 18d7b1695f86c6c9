// Starts the browser that the checks look at pages with.
const { chromium } = require(process.env.PLAYWRIGHT);

exports.start = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--no-first-run',
    ],
  });
