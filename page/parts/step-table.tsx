import type { Scene, Step } from '../model/scene.ts';
import { useSettings } from '../settings/settings.tsx';
import { DataTable } from './data-table.tsx';
import { Foreign } from './foreign.tsx';

/** The steps of a run, as a table: what a drawing of them says, and how many operations each of them did. */
export function StepTable({ scene }: { scene: Scene }) {
  const { t, format } = useSettings();
  return (
    <DataTable<Step>
      caption={t('steps')}
      rows={[...scene.steps.values()]}
      keyOf={({ id }) => id}
      columns={[
        { key: 'id', head: t('step'), value: ({ id }) => id },
        { key: 'label', head: t('step.what'), value: ({ label }) => label, cell: labelCell, isHead: true },
        {
          ...{ key: 'began', head: t('start'), value: ({ began }) => began },
          cell: ({ began }) => (began === undefined ? '–' : format.seconds(began)),
        },
        {
          ...{ key: 'took', head: t('took'), value: tookOf },
          cell: (step) => {
            const took = tookOf(step);
            return took === undefined ? '–' : format.seconds(took);
          },
        },
        { key: 'ok', head: t('ok'), value: ({ ok }) => ok },
        { key: 'failed', head: t('failed'), value: ({ failed }) => failed },
      ]}
    />
  );
}

function labelCell({ label }: Step) {
  return <Foreign text={label} />;
}

function tookOf({ began, ended }: Step): number | undefined {
  return began === undefined || ended === undefined ? undefined : ended - began;
}
