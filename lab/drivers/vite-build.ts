import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import path from 'node:path';
import { build, type Rolldown } from 'vite';

/**
 * Builds one page: `vite-build.ts ENTRY OUT CONNECTS`, which says whom it may ask (`'none'`, `'self'`). A program of its own, so that the lab's loop and memory stay what they are; and at the lowest
 * priority, as a run may be going on. It ends when whoever started it does.
 */

const LOWEST_PRIORITY = 19;
const root = path.resolve(import.meta.dirname, '..', '..');
const [entry = '', out = '', connects = "'none'"] = process.argv.slice(2);

setPriority(LOWEST_PRIORITY);
// Whoever starts a run may be developing something else: that would put debugging code, and paths of this machine, into the page.
process.env.NODE_ENV = 'production';
process.stdin.resume().on('end', () => process.exit(1));
const { script, style } = await bundle(entry);
writeFileSync(out, documentOf(script, style));
process.exit(0);

async function bundle(name: string): Promise<{ script: string; style: string }> {
  const built = await build({
    root: path.join(root, 'page'),
    configFile: false,
    logLevel: 'silent',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      ...{ write: false, modulePreload: false, cssCodeSplit: false, target: 'es2023' },
      // The first that know light-dark().
      cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
      rolldownOptions: { input: name },
    },
  });
  const { output } = built as Rolldown.RolldownOutput;
  const script = output.flatMap((one) => (one.type === 'chunk' ? one.code : [])).join('');
  const style = output.flatMap((one) => (one.type === 'asset' ? String(one.source) : [])).join('');
  return { script, style };
}

/** The places that are filled in stand before the script: what it says of them is left alone. */
function documentOf(script: string, style: string): string {
  for (const [text, end] of [[script, /<\/script|<!--/i] as const, [style, /<\/style/i] as const])
    if (end.test(text)) throw new Error(`the built page has ${end} in it`);
  const policy = [
    ...["default-src 'none'", `script-src ${hashOf(script)}`, `style-src ${hashOf(style)}`, 'img-src data:'],
    ...[`connect-src ${connects}`, "base-uri 'none'", "form-action 'none'"],
  ];
  return `<!doctype html>
<html lang="en" data-theme="auto">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy.join('; ')}">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title><!--title--></title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<div id="page"><noscript>This page needs JavaScript. Without it, read summary.md, which lies beside it.</noscript></div>
<script type="text/plain" id="data"><!--data--></script>
<script type="module">${script}</script>
</body>
</html>
`;
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
