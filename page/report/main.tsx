import { render } from 'preact';
import { SettingsProvider } from '../settings/settings.tsx';
import '../style.css';
import '../live/live.css';
import { ConformancePage } from './conformance-page.tsx';
import type { ReportData } from './data.ts';
import { RunPage } from './run-page.tsx';
import { SuitePage } from './suite-page.tsx';

/** report.html begins here: it reads the data that the lab put into the page, and draws it. */

const root = document.getElementById('page');
const packed = document.getElementById('data')?.textContent;
if (root && packed) render(<Report data={await unpacked(packed.trim())} />, root);

function Report({ data }: { data: ReportData }) {
  return <SettingsProvider>{pageOf(data)}</SettingsProvider>;
}

function pageOf(data: ReportData) {
  if (data.kind === 'run') return <RunPage data={data} />;
  return data.kind === 'suite' ? <SuitePage data={data} /> : <ConformancePage data={data} />;
}

/** JSON, gzip, base64: a tenth of the size, and nothing in it can end the element that holds it. */
async function unpacked(text: string): Promise<ReportData> {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(plain).json();
}
