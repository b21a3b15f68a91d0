import { DIRECTORY, type Endpoint, queryText } from '#proto/directory-api.ts';
import { ERRORS } from '#proto/errors.ts';
import { inputsOf } from './openapi.ts';

/** What the browser may do with the page: show it. It fetches nothing, from here or elsewhere. */
export const DOCS_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/** The API for people, as one page of HTML that stands by itself. */
export function docsPage(): string {
  const entries = Object.entries<Endpoint>(DIRECTORY);
  const links = entries.map(([name, { path }]) => `<a href="#${name}"><code>${path}</code></a>`).join(' ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>PeerLab directory: the API</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
pre { background: #8881; padding: .75rem; overflow-x: auto; }
table { border-collapse: collapse; } td, th { padding: .2rem .75rem .2rem 0; text-align: left; vertical-align: top; }
caption { text-align: left; font-weight: bold; padding-top: .5rem; }
:root { color-scheme: light dark; }
</style>
</head>
<body>
<h1>PeerLab directory</h1>
<p>It knows which peer is online and which files each one shares. JSON over HTTP; every error is
<code>{"error": {"code", "message", "hint"}}</code>. For programs: <a href="/openapi.json">openapi.json</a>
(OpenAPI 3.1). Without a token: <a href="/healthz">healthz</a>, <a href="/readyz">readyz</a>, <a href="/metrics">metrics</a>.</p>
<p>${links}</p>
${entries.map(([name, endpoint]) => section(name, endpoint)).join('\n')}
</body>
</html>
`;
}

function section(name: string, endpoint: Endpoint): string {
  const { path, methods, token, does, errors, example } = endpoint;
  return `<h2 id="${name}">${methods.join(', ')} <code>${path}</code></h2>
<p>${escaped(does)} ${token ? 'Wants the token.' : ''}</p>
${table('Fields', inputsOf(endpoint))}
<pre>${escaped(curl(endpoint))}

${escaped(JSON.stringify(example.response, undefined, 2))}</pre>
${table(
  'Errors',
  errors.map((code) => [code, ERRORS[code].http, ERRORS[code].meaning]),
)}`;
}

function table(caption: string, rows: readonly (string | number)[][]): string {
  if (rows.length === 0) return '';
  const cells = (row: readonly (string | number)[]) => row.map((cell) => `<td>${escaped(String(cell))}</td>`).join('');
  return `<table><caption>${caption}</caption>${rows.map((row) => `<tr>${cells(row)}</tr>`).join('')}</table>`;
}

function curl({ path, methods, token, example: { request } }: Endpoint): string {
  const method = methods[0];
  return [
    'curl -s',
    ...(method === 'PUT' ? ['-X PUT'] : []),
    ...(token ? ['-H "Authorization: Bearer $TOKEN"'] : []),
    method === 'GET' ? `"$URL${path}?${queryText(request)}"` : `"$URL${path}"`,
    ...(method === 'GET' ? [] : [`-d '${JSON.stringify(request)}'`]),
  ].join(' ');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
