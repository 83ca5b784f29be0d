/** The page that a used, old or wrong sign-in link leads to: what happened and what to do. Needs no script. */
export function signInFailedPage(message: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Sign-in link not valid · Kiln</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1.5rem; }
      code { font: 0.95em ui-monospace, monospace; padding: 0.15em 0.4em; border: 1px solid GrayText; border-radius: 4px; }
    </style>
  </head>
  <body>
    <h1>This sign-in link does not work</h1>
    <p>${message}</p>
    <p>Run <code>kiln sign-in</code> on the machine that Kiln runs on: it prints a new link. Links work once, within ten minutes.</p>
    <p><a href="./">Go to the dashboard</a></p>
  </body>
</html>
`;
}
