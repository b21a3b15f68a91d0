import type { CheckResult } from '../../lab/checks/result-schema.ts';
import { useSettings } from '../settings/settings.tsx';
import { Foreign } from './foreign.tsx';
import { Mark } from './mark.tsx';

const ORDER = { fail: 0, inconclusive: 1, pass: 2 } as const;

/** The checks that are always on, those that found something first. */
export function Checks({ checks }: { checks: readonly CheckResult[] }) {
  const { t } = useSettings();
  const sorted = [...checks].sort((a, b) => ORDER[a.verdict] - ORDER[b.verdict]);
  return (
    <table class="checks">
      <caption class="hidden">{t('checks')}</caption>
      <thead>
        <tr>
          <th scope="col">{t('verdict')}</th>
          <th scope="col">{t('check')}</th>
          <th scope="col">{t('reason')}</th>
        </tr>
      </thead>
      <tbody>
        {sorted.map(({ name, verdict, reason, details }) => (
          <tr key={name}>
            <td>
              <Mark outcome={verdict} />
            </td>
            <th scope="row">
              <Foreign text={name} />
            </th>
            <td>
              <Foreign text={reason} />
              {details.length > 0 && <Details lines={details} />}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The reason says the first of them. */
function Details({ lines }: { lines: readonly string[] }) {
  const { t } = useSettings();
  return (
    <details>
      <summary>{t('details', { count: lines.length })}</summary>
      <ul>
        {lines.map((line, n) => (
          <li key={`${n} ${line}`}>
            <Foreign text={line} />
          </li>
        ))}
      </ul>
    </details>
  );
}
