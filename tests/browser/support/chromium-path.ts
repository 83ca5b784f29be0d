import { existsSync } from 'node:fs';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where Chromium is, or null on a machine without one. `CHROMIUM` names another place. */
export const chromiumPath = process.env.CHROMIUM ?? PLACES.find((place) => existsSync(place)) ?? null;
