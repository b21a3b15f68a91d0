import { render } from 'preact';
import { SettingsProvider } from '../settings/settings.tsx';
import '../style.css';
import './live.css';
import { LivePage } from './live-page.tsx';
import { RunsPage } from './runs-page.tsx';

/** The page that `bin/lab serve` shows begins here: all runs, or one of them. */

const root = document.getElementById('page');
const [, id] = /^\/runs\/([^/]+)$/.exec(location.pathname) ?? [];
if (root) render(<SettingsProvider>{id === undefined ? <RunsPage /> : <LivePage id={id} />}</SettingsProvider>, root);
