import { printable } from '#proto/printable.ts';
import type { NetworkState, PeerState } from './network.ts';
import type { RunState } from './run-state.ts';

/** THE PAGE: plain HTML without a script, that asks for itself again. */

const REFRESH_SECONDS = 2;

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1b1f24; background: #fff }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #d5d9de; vertical-align: top }
td.n, th.n { text-align: right }
.pass { color: #14691f } .fail { color: #a3140b } .inconclusive { color: #7a5200 } .note { color: #57606a }
@media (prefers-color-scheme: dark) {
  body { color: #e6e9ed; background: #14171b } th, td { border-color: #3a4048 }
  .pass { color: #6cc47a } .fail { color: #ff8a80 } .inconclusive { color: #e0b354 } .note { color: #9aa4af }
}`;

/** @param isShown whether the live page has a run */
export function statusHtml(
  { peers, trouble, directory }: NetworkState,
  runs: readonly RunState[],
  isShown: (id: string) => boolean,
): string {
  const online = peers.filter(({ loggedIn }) => loggedIn).length;
  return documentOf(
    'PeerLab',
    `<h1>PeerLab</h1>
<h2>Peers: ${online} of ${peers.length} logged in</h2>
<p class="note">${
      'trouble' in directory
        ? `The directory does not answer: ${text(directory.trouble)}`
        : `The directory lists ${directory.peersOnline} peers and ${directory.files} files.`
    }</p>
${trouble === undefined ? '' : `<p class="fail">The peers can not be found: ${text(trouble)}</p>`}
<table><thead><tr><th>peer<th>state<th class="n">files<th class="n">in its share<th class="n">received<th class="n">sent</thead>
<tbody>${peers.map(peerRow).join('')}</tbody></table>
<h2>Runs</h2>
${runs.length === 0 ? '<p>No run was reported since this page started.</p>' : runs.map((run) => runPart(run, isShown(run.runId))).join('')}`,
    REFRESH_SECONDS,
  );
}

/** For those who come without the token. */
export function lockedHtml(): string {
  return documentOf(
    'PeerLab: token needed',
    `<h1>PeerLab</h1><p>This page needs its token: add <code>?token=…</code> to the address. It is in the secret <code>classroom</code>,
at the key <code>page-token</code>.</p>`,
  );
}

function documentOf(title: string, body: string, refreshSeconds?: number): string {
  const again = refreshSeconds === undefined ? '' : `<meta http-equiv="refresh" content="${refreshSeconds}">`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">${again}
<meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>
<body>${body}</body></html>\n`;
}

function peerRow({ name, trouble, loggedIn, files, bytes, received, sent }: PeerState): string {
  const state = trouble === undefined ? (loggedIn ? 'logged in' : 'not logged in') : `no answer: ${text(trouble)}`;
  const cells = [files, size(bytes), size(received), size(sent)].map((value) => `<td class="n">${value}`);
  return `<tr><td>${text(name)}<td>${state}${cells.join('')}`;
}

function runPart(run: RunState, isShown: boolean): string {
  const { runId, scenario, driver, peers, startedAt, doing, operations, verdict, reason } = run;
  const rows = Object.entries(operations).map(
    ([verb, { ended, failed }]) => `<tr><td>${text(verb)}<td class="n">${ended - failed}<td class="n">${failed}`,
  );
  return `<h3>${text(scenario)}: ${
    verdict === undefined ? text(doing) : `<span class="${verdict}">${verdict.toUpperCase()}</span>`
  }</h3>
<p>${verdict === undefined ? '' : text(reason ?? '')}</p>
${isShown ? `<p><a href="/runs/${encodeURIComponent(runId)}">Watch it on the live page</a></p>` : ''}
<p class="note">run ${text(runId)}, ${peers} peers, driver ${text(driver)}, since ${text(startedAt)}</p>
${rows.length === 0 ? '' : `<table><thead><tr><th>operation<th class="n">ok<th class="n">failed</thead><tbody>${rows.join('')}</tbody></table>`}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Foreign text is shown, not obeyed. */
function text(value: string): string {
  return printable(value).replaceAll(/[&<>"']/g, (character) => ESCAPES[character] as string);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function size(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
